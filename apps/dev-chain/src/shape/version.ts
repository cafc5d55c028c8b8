import { blake2AsHex } from "@polkadot/util-crypto";

/** The runtime APIs that `state_call` answers, with their versions. */
const runtimeApis = {
  Core: 5,
  Metadata: 2,
  TaggedTransactionQueue: 3,
  AccountNonceApi: 1,
  TransactionPaymentApi: 4,
} as const;

/** Field names as clients read them from `state_getRuntimeVersion`; SCALE order as in the Rust type. */
export const runtimeVersion = {
  specName: "cess-node",
  implName: "cess-node",
  authoringVersion: 1,
  specVersion: 137,
  implVersion: 1,
  apis: Object.entries(runtimeApis).map(([name, version]) => [blake2AsHex(name, 64), version] as const),
  transactionVersion: 1,
  systemVersion: 1,
} as const;

export const ss58Prefix = 11_330;
export const tokenSymbol = "TCESS";
export const tokenDecimals = 18;
export const chainName = "granary-dev";
/** One token in its smallest unit. */
export const TCESS = 10n ** 18n;
