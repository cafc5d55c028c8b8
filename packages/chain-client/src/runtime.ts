import { CodedError } from "@granary/primitives";
import { expandMetadata, Metadata, StorageKey, TypeRegistry } from "@polkadot/types";
import type { StorageEntry } from "@polkadot/types/primitive/types";
import type { Codec } from "@polkadot/types/types";
import { unwrapStorageType } from "@polkadot/types/util";
import { hexToU8a, stringCamelCase } from "@polkadot/util";
import { CESS_PREFIX } from "./accounts.js";

export interface RuntimeVersion {
  readonly specName: string;
  readonly specVersion: number;
  readonly transactionVersion: number;
}

/** One runtime, as its metadata describes it: everything is found by name in it, nothing by number. */
export interface Runtime {
  readonly version: RuntimeVersion;
  readonly registry: TypeRegistry;
  readonly decorated: ReturnType<typeof expandMetadata>;
}

/**
 * Extensions that old CESS runtimes add to the standard ones; they carry no bytes. Without this the signing code would
 * not know so.
 */
const extraExtensions = { CheckMqSequence: { extrinsic: {}, payload: {} } };

export function buildRuntime(version: RuntimeVersion, metadataHex: string): Runtime {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, metadataHex as `0x${string}`);
  registry.setChainProperties(registry.createTypeUnsafe("ChainProperties", [{ ss58Format: CESS_PREFIX }]));
  registry.setMetadata(metadata, undefined, extraExtensions, true);
  return { version, registry, decorated: expandMetadata(registry, metadata) };
}

/** The chain has something in another form than we know: stop that function, never guess. */
export const shapeUnknown = (what: string, cause?: unknown): CodedError =>
  new CodedError("CHAIN_SHAPE_UNKNOWN", "bug", `this runtime has an unknown form of ${what}`, { what }, { cause });

/** Names of pallets, calls and fields in the registry's form, from whichever form they have. */
export const camel = stringCamelCase;

/** @throws CodedError CHAIN_SHAPE_UNKNOWN (bug) */
export function storageEntry(runtime: Runtime, pallet: string, item: string): StorageEntry {
  const entry = runtime.decorated.query[camel(pallet)]?.[camel(item)];
  if (entry === undefined) throw shapeUnknown(`storage ${pallet}.${item}`);
  return entry;
}

export const hasStorage = (runtime: Runtime, pallet: string, item: string): boolean =>
  runtime.decorated.query[camel(pallet)]?.[camel(item)] !== undefined;

export const storageKey = (runtime: Runtime, entry: StorageEntry, args: readonly unknown[]): string =>
  new StorageKey(runtime.registry, [entry, [...args]]).toHex();

/** Value of a storage entry; its default where it has one, else null, when the state has nothing. */
export function decodeStorage(runtime: Runtime, entry: StorageEntry, raw: string | null): Codec | null {
  const { meta } = entry;
  if (raw === null && meta.modifier.isOptional) return null;
  const bytes = raw === null ? meta.fallback.toU8a(true) : hexToU8a(raw);
  const type = unwrapStorageType(runtime.registry, meta.type);
  let value: Codec;
  try {
    value = runtime.registry.createTypeUnsafe(type, [bytes]);
  } catch (error) {
    throw shapeUnknown(`storage ${entry.section}.${entry.method}`, error);
  }
  if (raw !== null && value.encodedLength !== bytes.length)
    throw shapeUnknown(`storage ${entry.section}.${entry.method}`);
  return value;
}

/** The keys of a map entry, out of its full storage key. */
export function decodeKeys(runtime: Runtime, entry: StorageEntry, key: string): readonly Codec[] {
  const storage = new StorageKey(runtime.registry, key as `0x${string}`);
  storage.setMeta(entry.meta, entry.section, entry.method);
  return [...storage.args];
}

export function constant(runtime: Runtime, pallet: string, name: string): Codec {
  const value = runtime.decorated.consts[camel(pallet)]?.[camel(name)];
  if (value === undefined) throw shapeUnknown(`constant ${pallet}.${name}`);
  return value;
}
