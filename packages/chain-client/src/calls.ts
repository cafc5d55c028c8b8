import { type AccountId, CodedError, type Digest } from "@granary/primitives";
import type { Call } from "@polkadot/types/interfaces";
import { u8aToHex } from "@polkadot/util";
import { publicKeyOf } from "./accounts.js";
import { digestToChain } from "./hash.js";
import { fitsPeerId, peerIdFor } from "./peer-id.js";
import { camel, type Runtime, shapeUnknown } from "./runtime.js";
import { territoryNameBytes } from "./territory-name.js";
import type { ChainCall, ChainCalls } from "./types.js";

/** Bytes go in as hexadecimal: in any other form the registry would read them as already encoded. */
const hash = (digest: Digest): string => u8aToHex(digestToChain(digest));
const text = (value: string): string => u8aToHex(new TextEncoder().encode(value));
const territoryName = (name: string): string => u8aToHex(territoryNameBytes(name));
const account = (id: AccountId): string => u8aToHex(publicKeyOf(id));

/** Runtimes that know buckets create the one that is named, when it is not there. */
const BUCKET = "granary";

type Args = Readonly<Record<string, unknown>>;

function encode(pallet: string, name: string, call: Call): ChainCall {
  return { pallet, name, hex: call.toHex() };
}

function callOf(runtime: Runtime, pallet: string, name: string) {
  const builder = runtime.decorated.tx[camel(pallet)]?.[camel(name)];
  if (builder === undefined) {
    throw new CodedError("CHAIN_CALL_UNKNOWN", "invalid", `this runtime has no call ${pallet}.${name}`, {
      pallet,
      name,
    });
  }
  return builder;
}

/** Arguments are given by name, also those that only some runtimes have; an argument without a value is an error. */
function build(runtime: Runtime, pallet: string, name: string, args: Args): ChainCall {
  const builder = callOf(runtime, pallet, name);
  const given = new Map(Object.entries(args).map(([key, value]) => [camel(key), value]));
  const values = builder.meta.args.map((argument) => {
    const value = given.get(camel(argument.name.toString()));
    if (value === undefined) throw shapeUnknown(`call ${pallet}.${name}: argument ${argument.name.toString()}`);
    return value;
  });
  try {
    return encode(pallet, name, builder(...values));
  } catch (error) {
    throw new CodedError(
      "CHAIN_CALL_INVALID",
      "invalid",
      `${pallet}.${name} does not take these values`,
      {},
      { cause: error },
    );
  }
}

/** Fields of UserBrief that we can fill; a runtime that asks for another is one we do not know. */
const briefFields = new Set(["user", "file_name", "bucket_name", "territory_name"]);

function checkBrief(runtime: Runtime): void {
  const { meta } = callOf(runtime, "FileBank", "upload_declaration");
  const field = meta.fields.find((candidate) => candidate.name.unwrapOr("").toString() === "user_brief");
  if (field === undefined) throw shapeUnknown("call FileBank.upload_declaration");
  for (const { name } of runtime.registry.lookup.getSiType(field.type).def.asComposite.fields) {
    const known = name.unwrapOr("").toString();
    if (!briefFields.has(known)) throw shapeUnknown(`UserBrief: field ${known}`);
  }
}

function fileCalls(runtime: () => Runtime): Pick<ChainCalls, "uploadDeclaration" | "deleteFile" | "transferReport"> {
  return {
    uploadDeclaration({ fid, segments, owner, name, territory, sizeBytes }) {
      checkBrief(runtime());
      return build(runtime(), "FileBank", "upload_declaration", {
        file_hash: hash(fid),
        deal_info: segments.map((segment) => ({ hash: hash(segment.hash), fragmentList: segment.fragments.map(hash) })),
        user_brief: {
          user: account(owner),
          fileName: text(name),
          bucketName: text(BUCKET),
          territoryName: territoryName(territory),
        },
        file_size: sizeBytes,
      });
    },
    deleteFile: (owner, fid) =>
      build(runtime(), "FileBank", "delete_file", { owner: account(owner), file_hash: hash(fid) }),
    transferReport: (index, fid) => build(runtime(), "FileBank", "transfer_report", { index, deal_hash: hash(fid) }),
  };
}

const gatewayCalls = (runtime: () => Runtime) => {
  const place = (domain: string) => ({ endpoint: peerIdFor(domain), peer_id: peerIdFor(domain), domain: text(domain) });
  return {
    registerGateway: (domain: string) => build(runtime(), "Oss", "register", place(domain)),
    updateGateway: (domain: string) => build(runtime(), "Oss", "update", place(domain)),
    destroyGateway: () => build(runtime(), "Oss", "destroy", {}),
    authorize: (operator: AccountId) => build(runtime(), "Oss", "authorize", { operator: account(operator) }),
    cancelAuthorize: (operator: AccountId) =>
      build(runtime(), "Oss", "cancel_authorize", { oss: account(operator), operator: account(operator) }),
  };
};

const territoryCalls = (runtime: () => Runtime) => {
  const call = (name: string, args: Args) => build(runtime(), "StorageHandler", name, args);
  return {
    mintTerritory: (name: string, gib: number, days: number) =>
      call("mint_territory", { gib_count: gib, territory_name: territoryName(name), days }),
    expandTerritory: (name: string, gib: number) =>
      call("expanding_territory", { territory_name: territoryName(name), gib_count: gib }),
    renewTerritory: (name: string, days: number) =>
      call("renewal_territory", { territory_name: territoryName(name), days }),
    reactivateTerritory: (name: string, days: number) =>
      call("reactivate_territory", { territory_name: territoryName(name), days }),
    renameTerritory: (from: string, to: string) =>
      call("territory_rename", { old_name: territoryName(from), new_name: territoryName(to) }),
    grantTerritory: (name: string, receiver: AccountId) =>
      call("territory_grants", { territory_name: territoryName(name), receiver: account(receiver) }),
    consignTerritory: (name: string, price: bigint) =>
      call("territory_consignment", { territory_name: territoryName(name), price }),
    cancelConsignment: (name: string) => call("cancel_consignment", { territory_name: territoryName(name) }),
    buyConsignment: (token: string, name: string) => call("buy_consignment", { token, rename: territoryName(name) }),
    cancelPurchase: (token: string) => call("cancel_purchase_action", { token }),
  };
};

/** Runtimes before 126 know a miner by its peer id, later ones by its address. */
const knowsEndpoints = (runtime: Runtime): boolean => runtime.decorated.tx.sminer?.updateEndpoint !== undefined;

function peerIdOfMiner(runtime: Runtime, endpoint: string): string {
  if (!knowsEndpoints(runtime) && !fitsPeerId(endpoint)) {
    throw new CodedError("ENDPOINT_TOO_LONG", "invalid", `this runtime has no room for the address ${endpoint}`);
  }
  return peerIdFor(endpoint);
}

const minerCalls = (
  runtime: () => Runtime,
): Pick<ChainCalls, "registerMiner" | "updateMinerEndpoint" | "exitMiner"> => ({
  registerMiner: ({ beneficiary, endpoint, stake, declaredTib }) =>
    build(runtime(), "Sminer", "regnstk", {
      beneficiary: account(beneficiary),
      endpoint: text(endpoint),
      peer_id: peerIdOfMiner(runtime(), endpoint),
      staking_val: stake,
      tib_count: declaredTib,
    }),
  updateMinerEndpoint: (endpoint) =>
    knowsEndpoints(runtime())
      ? build(runtime(), "Sminer", "update_endpoint", { endpoint: text(endpoint) })
      : build(runtime(), "Sminer", "update_peer_id", { peer_id: peerIdOfMiner(runtime(), endpoint) }),
  exitMiner: (miner) => build(runtime(), "Sminer", "miner_exit_prep", { miner: account(miner) }),
});

/** `runtime` gives the one that new blocks are made with. */
export function createCalls(runtime: () => Runtime): ChainCalls {
  const decode = (call: ChainCall): Call => runtime().registry.createTypeUnsafe<Call>("Call", [call.hex]);
  return {
    ...fileCalls(runtime),
    ...gatewayCalls(runtime),
    ...territoryCalls(runtime),
    ...minerCalls(runtime),
    transfer: (to, amount) =>
      build(runtime(), "Balances", "transfer_keep_alive", { dest: { Id: account(to) }, value: amount }),
    batch: (calls) => build(runtime(), "Utility", "batch_all", { calls: calls.map(decode) }),
    sudo: (call) => build(runtime(), "Sudo", "sudo", { call: decode(call) }),
    raw: (pallet, name, args) => encode(pallet, name, callOf(runtime(), pallet, name)(...args)),
  };
}
