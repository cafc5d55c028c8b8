import { type AccountId, type Fid, type FragmentHash } from "@granary/primitives";
import type { Codec } from "@polkadot/types/types";
import { accountFrom, bigOf, digestOrNull, listOf, territoryNameOf, variantOf } from "./codec.js";
import { failureFrom } from "./failure.js";
import { decodeStorage, type Runtime, shapeUnknown, storageEntry } from "./runtime.js";
import type { ChainEvent } from "./types.js";

type Body = ChainEvent extends infer E ? (E extends ChainEvent ? Omit<E, "extrinsicIndex"> : never) : never;

/** Fields of one event, by their names in the metadata. */
class Fields {
  constructor(
    private readonly event: string,
    private readonly values: ReadonlyMap<string, Codec>,
  ) {}

  /** The field with the first of these names that is there: some were renamed from runtime to runtime. */
  private one(names: readonly string[]): Codec {
    for (const name of names) {
      const value = this.values.get(name);
      if (value !== undefined) return value;
    }
    throw shapeUnknown(`event ${this.event}: no field ${names.join(" or ")}`);
  }

  account = (...names: string[]): AccountId => accountFrom(this.one(names));
  territoryName = (...names: string[]): string => territoryNameOf(this.one(names));
  hex = (...names: string[]): string => this.one(names).toHex();
  big = (...names: string[]): bigint => bigOf(this.one(names));
  raw = (...names: string[]): Codec => this.one(names);
  has = (name: string): boolean => this.values.has(name);
  fid = (...names: string[]): Fid => digestOrNull<Fid>(this.one(names)) ?? notDigest();
  fragment = (...names: string[]): FragmentHash => digestOrNull<FragmentHash>(this.one(names)) ?? notDigest();
}

/** Anybody may put 64 bytes of anything where a hash belongs; such an event is nobody's business. */
const NOT_A_DIGEST = Symbol("not a digest");
function notDigest(): never {
  throw NOT_A_DIGEST;
}

type Decoder = (fields: Fields, runtime: Runtime) => Body;

const territoryChange =
  (change: string): Decoder =>
  (fields) => ({
    kind: "territoryChanged",
    change,
    token: fields.has("token") ? fields.hex("token") : null,
    name: fields.has("name") ? fields.territoryName("name") : null,
  });

const minerChange =
  (change: string): Decoder =>
  (fields) => ({ kind: "minerChanged", account: fields.account("acc", "miner"), change });

/** `Pallet.Event` in metadata names → our words. */
const decoders: Readonly<Record<string, Decoder>> = {
  "System.ExtrinsicSuccess": () => ({ kind: "extrinsicSucceeded" }),
  "System.ExtrinsicFailed": (fields, runtime) => ({
    kind: "extrinsicFailed",
    failure: failureFrom(fields.raw("dispatchError"), runtime),
  }),
  "Sudo.Sudid": (fields, runtime) => {
    const result = variantOf(fields.raw("sudoResult"));
    return result.name === "Err"
      ? { kind: "sudoFailed", failure: failureFrom(result.value, runtime) }
      : { kind: "other", pallet: "Sudo", name: "Sudid" };
  },
  "System.CodeUpdated": () => ({ kind: "runtimeUpdated" }),
  "Balances.Transfer": (fields) => ({
    kind: "transferred",
    from: fields.account("from"),
    to: fields.account("to"),
    amount: fields.big("amount"),
  }),
  "TransactionPayment.TransactionFeePaid": (fields) => ({
    kind: "feePaid",
    account: fields.account("who"),
    amount: fields.big("actualFee"),
  }),
  "StorageHandler.MintTerritory": (fields) => ({
    kind: "territoryMinted",
    token: fields.hex("token"),
    name: fields.territoryName("name"),
  }),
  "StorageHandler.PaidOrder": (fields) => ({ kind: "orderPaid", order: fields.hex("orderHash") }),
  "StorageHandler.ExpansionTerritory": territoryChange("expanded"),
  "StorageHandler.RenewalTerritory": territoryChange("renewed"),
  "StorageHandler.ReactivateTerritory": territoryChange("reactivated"),
  "StorageHandler.Consignment": territoryChange("consigned"),
  "StorageHandler.BuyConsignment": territoryChange("bought"),
  "StorageHandler.CancleConsignment": territoryChange("consignmentCancelled"),
  "StorageHandler.CancelPurchaseAction": territoryChange("purchaseCancelled"),
  "StorageHandler.ExecConsignment": territoryChange("handedOver"),
  "Oss.Authorize": (fields) => ({
    kind: "authorized",
    owner: fields.account("acc"),
    operator: fields.account("operator"),
  }),
  "Oss.CancelAuthorize": (fields) => ({
    kind: "authorizationCancelled",
    owner: fields.account("acc"),
    operator: fields.account("oss"),
  }),
  "Oss.OssRegister": (fields) => ({ kind: "gatewayRegistered", account: fields.account("acc") }),
  "Oss.OssUpdate": (fields) => ({ kind: "gatewayUpdated", account: fields.account("acc") }),
  "Oss.OssDestroy": (fields) => ({ kind: "gatewayRemoved", account: fields.account("acc") }),
  "FileBank.UploadDeclaration": (fields) => ({
    kind: "dealDeclared",
    fid: fields.fid("dealHash"),
    owner: fields.account("owner"),
    operator: fields.account("operator"),
  }),
  "FileBank.TransferReport": (fields) => ({
    kind: "columnReport",
    fid: fields.fid("dealHash"),
    miner: fields.account("acc"),
  }),
  "FileBank.StorageCompleted": (fields) => ({ kind: "storageCompleted", fid: fields.fid("fileHash") }),
  "FileBank.CalculateReport": (fields) => ({
    kind: "columnTagged",
    fid: fields.fid("fileHash"),
    miner: fields.account("miner"),
  }),
  "FileBank.DeleteFile": (fields) => ({
    kind: "fileDeleted",
    fid: fields.fid("fileHash"),
    owner: fields.account("owner"),
    operator: fields.account("operator"),
  }),
  "FileBank.TerritoryFileDelivery": (fields) => ({
    kind: "fileDelivered",
    fid: fields.fid("fileHash"),
    territory: fields.territoryName("newTerritory"),
  }),
  "FileBank.GenerateRestoralOrder": (fields) => ({
    kind: "restoralOrdered",
    fragment: fields.fragment("fragmentHash"),
    miner: fields.account("miner"),
  }),
  "FileBank.ClaimRestoralOrder": (fields) => ({
    kind: "restoralClaimed",
    fragment: fields.fragment("orderId"),
    miner: fields.account("miner"),
  }),
  "FileBank.RecoveryCompleted": (fields) => ({
    kind: "restoralCompleted",
    fragment: fields.fragment("orderId"),
    miner: fields.account("miner"),
  }),
  "FileBank.IdleSpaceCert": minerChange("IdleSpaceCert"),
  "FileBank.ReplaceIdleSpace": minerChange("ReplaceIdleSpace"),
  "Sminer.Registered": (fields) => ({ kind: "minerRegistered", account: fields.account("acc") }),
};

/** Pallets whose events, as far as they name a miner, say that its state may be another now. */
const minerPallets = new Set(["Sminer", "Audit"]);

function decodeBody(pallet: string, name: string, fields: Fields, runtime: Runtime): Body {
  const decoder = decoders[`${pallet}.${name}`];
  if (decoder !== undefined) return decoder(fields, runtime);
  if (minerPallets.has(pallet) && (fields.has("acc") || fields.has("miner"))) return minerChange(name)(fields, runtime);
  return { kind: "other", pallet, name };
}

interface EventCodec extends Codec {
  readonly section: string;
  readonly method: string;
  readonly data: Iterable<Codec> & { readonly names: string[] | null };
}

const pascal = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

function decodeOne(record: Codec, runtime: Runtime): ChainEvent {
  const [phase, event] = partsOf(record);
  const origin = variantOf(phase);
  const extrinsicIndex = origin.name === "ApplyExtrinsic" ? Number(bigOf(origin.value)) : null;
  const { section, method, data } = event;
  const values = new Map<string, Codec>();
  [...data].forEach((value, index) => {
    const name = data.names?.[index];
    if (name !== undefined) values.set(name, value);
  });
  const pallet = pascal(section);
  try {
    return { extrinsicIndex, ...decodeBody(pallet, method, new Fields(`${pallet}.${method}`, values), runtime) };
  } catch (thrown) {
    if (thrown !== NOT_A_DIGEST) throw thrown;
    return { extrinsicIndex, kind: "other", pallet, name: method };
  }
}

function partsOf(record: Codec): readonly [Codec, EventCodec] {
  const get = (record as Codec & { get(name: string): Codec | undefined }).get.bind(record);
  const phase = get("phase");
  const event = get("event");
  if (phase === undefined || event === undefined) throw shapeUnknown("event records");
  return [phase, event as EventCodec];
}

/** All events of a block, from the raw value of System.Events in its state. */
export function decodeEvents(runtime: Runtime, raw: string | null): readonly ChainEvent[] {
  const records = decodeStorage(runtime, storageEntry(runtime, "System", "Events"), raw);
  return records === null ? [] : listOf(records).map((record) => decodeOne(record, runtime));
}
