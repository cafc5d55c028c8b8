import { type Category, CodedError } from "@granary/primitives";
import type { Codec } from "@polkadot/types/types";
import { bytesOf, fieldOf, optionalFieldOf, variantOf } from "./codec.js";
import { type Runtime, shapeUnknown } from "./runtime.js";
import type { DispatchFailure } from "./types.js";

const pascal = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** A DispatchError in the chain's own names: the pallet's error, or the kind of a general one under "System". */
export function failureFrom(error: Codec, runtime: Runtime): DispatchFailure {
  const { name, value } = variantOf(error);
  if (name !== "Module") return { pallet: "System", name: describe(name, value) };
  const errorField = optionalFieldOf(value, "error");
  if (errorField === undefined) throw shapeUnknown("DispatchError");
  const index = Number(fieldOf(value, "index").toString());
  // One byte in old runtimes, four since; the first is the error.
  const [code] = "toBigInt" in errorField ? [Number(errorField.toString())] : bytesOf(errorField);
  try {
    const meta = runtime.registry.findMetaError(new Uint8Array([index, code ?? 0]));
    return { pallet: pascal(meta.section), name: meta.name };
  } catch {
    return { pallet: `Pallet${index}`, name: `Error${code ?? 0}` };
  }
}

/** "Token" with FundsUnavailable inside → "Token.FundsUnavailable" */
const describe = (name: string, value: Codec): string => {
  const inner = (value as { type?: unknown }).type;
  return typeof inner === "string" ? `${name}.${inner}` : name;
};

type Meaning = readonly [code: string, category: Category, message: string];

/** What a refusal means to a user of Granary. Errors that are not listed are CHAIN_REFUSED. */
const meanings: Readonly<Record<string, Meaning>> = {
  "FileBank.NoPermission": ["GATEWAY_NOT_AUTHORIZED", "denied", "the owner has not authorized the signing account"],
  "FileBank.InsufficientAvailableSpace": ["TERRITORY_FULL", "exhausted", "the territory has too little free space"],
  "FileBank.NotActive": ["FILE_NOT_ACTIVE", "conflict", "the file is not in its active state"],
  "FileBank.Existed": ["CHAIN_ENTRY_EXISTS", "conflict", "the chain has this already"],
  "FileBank.FileExistent": ["CHAIN_ENTRY_EXISTS", "conflict", "the chain has this file already"],
  "FileBank.NonExistent": ["CHAIN_ENTRY_UNKNOWN", "absent", "the chain has no such deal or file"],
  "FileBank.FileNonExistent": ["CHAIN_ENTRY_UNKNOWN", "absent", "the chain has no such file"],
  "FileBank.NotOwner": ["FILE_NOT_OWNED", "denied", "the account does not hold this file"],
  "FileBank.SpecError": ["DECLARATION_INVALID", "invalid", "the chain does not accept the form of this call"],
  "FileBank.Calculate": ["FILE_NOT_ACTIVE", "conflict", "the file is still being tagged"],
  "FileBank.MinerStateError": ["MINER_NOT_POSITIVE", "conflict", "the miner is not in the state positive"],
  "Sminer.NotMiner": ["MINER_UNKNOWN", "absent", "the account is not a registered miner"],
  "Sminer.AlreadyRegistered": ["MINER_EXISTS", "conflict", "the miner is registered already"],
  "Sminer.NotpositiveState": ["MINER_NOT_POSITIVE", "conflict", "the miner is not in the state positive"],
  "StorageHandler.NotHaveTerritory": ["TERRITORY_UNKNOWN", "absent", "the account has no territory of this name"],
  "StorageHandler.NotActive": ["TERRITORY_NOT_ACTIVE", "conflict", "the territory is not active"],
  "StorageHandler.NotExpire": ["TERRITORY_NOT_EXPIRED", "conflict", "the territory is not expired"],
  "StorageHandler.InsufficientStorage": ["TERRITORY_FULL", "exhausted", "the territory has too little free space"],
  "StorageHandler.InsufficientAvailableSpace": [
    "NETWORK_SPACE_SHORT",
    "exhausted",
    "the network has too little space to sell",
  ],
  "StorageHandler.InsufficientBalance": ["BALANCE_TOO_LOW", "exhausted", "the account cannot pay"],
  "StorageHandler.PurchasedSpace": ["TERRITORY_EXISTS", "conflict", "the account has a territory of this name"],
  "StorageHandler.DuplicateName": ["TERRITORY_EXISTS", "conflict", "the account has a territory of this name"],
  "StorageHandler.BoundariesNotMet": ["TERRITORY_TERM_INVALID", "invalid", "a territory is bought for 30 days or more"],
  "StorageHandler.ObjectNotZero": ["TERRITORY_NOT_EMPTY", "conflict", "the territory is not empty"],
  "StorageHandler.NonExistentConsignment": ["CONSIGNMENT_UNKNOWN", "absent", "the territory is not for sale"],
  "StorageHandler.NotOnConsignment": ["CONSIGNMENT_UNKNOWN", "absent", "the territory is not for sale"],
  "StorageHandler.ConsignmentExisted": ["CONSIGNMENT_EXISTS", "conflict", "the territory is for sale already"],
  "StorageHandler.ConsignmentLocked": ["CONSIGNMENT_SOLD", "conflict", "somebody has bought the territory"],
  "StorageHandler.OwnConsignment": ["CONSIGNMENT_OWN", "conflict", "nobody buys a territory from himself"],
  "StorageHandler.NotBuyer": ["PURCHASE_NOT_YOURS", "denied", "the account has not bought this territory"],
  "StorageHandler.InsufficientLease": ["TERRITORY_ENDS_SOON", "conflict", "less than a day of the territory is left"],
  "Oss.Registered": ["GATEWAY_EXISTS", "conflict", "the gateway is registered already"],
  "Oss.UnRegister": ["GATEWAY_UNKNOWN", "absent", "the gateway is not registered"],
  "Oss.NoAuthorization": ["AUTHORIZATION_UNKNOWN", "absent", "the owner has not authorized this account"],
  "Oss.Existed": ["AUTHORIZATION_EXISTS", "conflict", "the owner has authorized this account already"],
  "Balances.InsufficientBalance": ["BALANCE_TOO_LOW", "exhausted", "the account cannot pay"],
  "Balances.Expendability": ["BALANCE_TOO_LOW", "exhausted", "the payment would end the account"],
  "System.Token.FundsUnavailable": ["BALANCE_TOO_LOW", "exhausted", "the account cannot pay"],
  "System.Token.NotExpendable": ["BALANCE_TOO_LOW", "exhausted", "the payment would end the account"],
  "System.BadOrigin": ["ORIGIN_NOT_ALLOWED", "denied", "the signing account may not do this"],
};

export function errorOf(failure: DispatchFailure): CodedError {
  const name = `${failure.pallet}.${failure.name}`;
  const [code, category, message] = meanings[name] ?? ["CHAIN_REFUSED", "conflict", `the chain refused: ${name}`];
  return new CodedError(code, category, message, { pallet: failure.pallet, error: failure.name });
}
