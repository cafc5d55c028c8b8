import type { AccountId, Digest } from "@granary/primitives";
import { Enum, Option, Raw, Struct, Text, Tuple, Vec } from "@polkadot/types";
import type { Codec } from "@polkadot/types/types";
import { accountOf } from "./accounts.js";
import { digestFromChain } from "./hash.js";
import { camel, shapeUnknown } from "./runtime.js";
import { territoryNameFrom } from "./territory-name.js";

/** Readers of decoded values: each says what it expects, and what is not that is an unknown shape. */

export function fieldOf(value: Codec, name: string): Codec {
  const field = optionalFieldOf(value, name);
  if (field === undefined) throw shapeUnknown(`a record without ${name}`);
  return field;
}

export function optionalFieldOf(value: Codec, name: string): Codec | undefined {
  if (!(value instanceof Struct)) throw shapeUnknown(`a record with ${name}`);
  // Names that records have for themselves, as `hash`, are written with a `_` behind by the registry.
  return value.get(camel(name)) ?? value.get(`${camel(name)}_`);
}

/** Plain integers and Compact<integer> both have it. */
const isInteger = (value: Codec): value is Codec & { toBigInt(): bigint } => "toBigInt" in value;

export function bigOf(value: Codec): bigint {
  if (!isInteger(value)) throw shapeUnknown("a number");
  return value.toBigInt();
}

/**
 * A number that fits. Space is u128 on chain; what is beyond 2^53 (9 PB) is cut to that: it is compared, never added up.
 */
export function numberOf(value: Codec): number {
  const big = bigOf(value);
  return big > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(big);
}

export function bytesOf(value: Codec): Uint8Array {
  if (value instanceof Raw) return new Uint8Array(value);
  if (value instanceof Text) return new TextEncoder().encode(value.toString());
  throw shapeUnknown("bytes");
}

/** Bytes that people wrote. What is not UTF-8, and NUL, which databases do not take, become replacement characters. */
export const textOf = (value: Codec): string => new TextDecoder().decode(bytesOf(value)).replaceAll("\u0000", "\ufffd");

export const territoryNameOf = (value: Codec): string => territoryNameFrom(bytesOf(value));

export function accountFrom(value: Codec): AccountId {
  const bytes = bytesOf(value);
  if (bytes.length !== 32) throw shapeUnknown("an account");
  return accountOf(bytes);
}

export function listOf(value: Codec): readonly Codec[] {
  if (value instanceof Vec || value instanceof Tuple) return [...value];
  throw shapeUnknown("a list");
}

export const optionOf = (value: Codec): Codec | null => {
  if (!(value instanceof Option)) throw shapeUnknown("an option");
  return value.isSome ? value.unwrap() : null;
};

export function variantOf(value: Codec): { readonly name: string; readonly value: Codec } {
  if (!(value instanceof Enum)) throw shapeUnknown("a choice");
  return { name: value.type, value: value.inner };
}

export const booleanOf = (value: Codec): boolean => {
  const plain = value.toJSON();
  if (typeof plain !== "boolean") throw shapeUnknown("a truth value");
  return plain;
};

/** null when it is not the text of a SHA-256. */
export const digestOrNull = <D extends Digest>(value: Codec): D | null => digestFromChain(bytesOf(value)) as D | null;

/** For values that a declaration of ours, or a decent one, has: anything else cannot be used at all. */
export function digestFrom<D extends Digest>(value: Codec): D {
  const digest = digestOrNull<D>(value);
  if (digest === null) throw shapeUnknown("a hash");
  return digest;
}
