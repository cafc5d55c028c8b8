import { audit } from "./audit.js";
import { auditTypes } from "./audit-types.js";
import { balances } from "./balances.js";
import { cessTreasury } from "./cess-treasury.js";
import { fileBank } from "./file-bank.js";
import { oss } from "./oss.js";
import { schedulerCredit } from "./scheduler-credit.js";
import type { EnumShape, NamedShape, PalletShape } from "./shape.js";
import { variants } from "./shape.js";
import { sminer } from "./sminer.js";
import { storageHandler } from "./storage-handler.js";
import { sudo } from "./sudo.js";
import { system } from "./system.js";
import { teeWorker } from "./tee-worker.js";
import { timestamp } from "./timestamp.js";
import { transactionPayment } from "./transaction-payment.js";
import { storageTypes, substrateTypes } from "./types.js";
import { utility } from "./utility.js";

export * from "./shape.js";

export const pallets: readonly PalletShape[] = [
  system,
  utility,
  timestamp,
  balances,
  transactionPayment,
  sudo,
  cessTreasury,
  schedulerCredit,
  teeWorker,
  fileBank,
  sminer,
  audit,
  storageHandler,
  oss,
];

/** What a signature covers besides the call, in this order: [name, type in the extrinsic, type only signed]. */
export const signedExtensions = [
  ["CheckNonZeroSender", "CheckNonZeroSender", "()"],
  ["CheckSpecVersion", "CheckSpecVersion", "u32"],
  ["CheckTxVersion", "CheckTxVersion", "u32"],
  ["CheckGenesis", "CheckGenesis", "H256"],
  ["CheckMortality", "CheckMortality", "H256"],
  ["CheckNonce", "CheckNonce", "()"],
  ["CheckWeight", "CheckWeight", "()"],
  ["ChargeTransactionPayment", "ChargeTransactionPayment", "()"],
] as const;

export function palletShape(name: string): PalletShape {
  const found = pallets.find((pallet) => pallet.name === name);
  if (found === undefined) throw new Error(`no pallet ${name}`);
  return found;
}

const isNotEmpty = (shape: EnumShape): boolean => shape.variants.length > 0;

const callsOf = (pallet: PalletShape): EnumShape => variants(`${pallet.module}::Call`, pallet.calls);
const eventsOf = (pallet: PalletShape): EnumShape => variants(`${pallet.module}::Event`, pallet.events);
const errorsOf = (pallet: PalletShape): EnumShape =>
  variants(`${pallet.module}::Error`, Object.fromEntries(pallet.errors.map((name, index) => [name, index])));

/** The enum over all pallets that have any of a kind, and the enums it consists of. */
function outer(kind: "Call" | "Event" | "Error", of: (pallet: PalletShape) => EnumShape): Record<string, NamedShape> {
  const having = pallets.filter((pallet) => isNotEmpty(of(pallet)));
  const inner = Object.fromEntries(having.map((pallet) => [`${pallet.name}${kind}`, of(pallet)]));
  const whole = variants(
    `cess_node_runtime::Runtime${kind}`,
    Object.fromEntries(having.map((pallet) => [pallet.name, [pallet.index, [`${pallet.name}${kind}`]] as const])),
  );
  return { ...inner, [`Runtime${kind}`]: whole };
}

/** Every named type that a shape may mention. */
export const namedTypes: Readonly<Record<string, NamedShape>> = {
  ...substrateTypes,
  ...storageTypes,
  ...auditTypes,
  ...outer("Call", callsOf),
  ...outer("Event", eventsOf),
  ...outer("Error", errorsOf),
};
