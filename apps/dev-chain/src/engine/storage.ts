import { blake2AsU8a, xxhashAsU8a } from "@polkadot/util-crypto";
import { palletShape, type StorageShape } from "../shape/index.js";
import type { Overlay } from "../store/overlay.js";
import type { StateReader } from "../store/versioned-store.js";
import { decode, defaultOf, encode, type Hex, toHex } from "./codec.js";

/**
 * Typed access to storage by the names that clients use. The value type is the author's word for what the shape's
 * codec produces.
 */
export class Item<K extends readonly unknown[], V> {
  readonly prefix: Hex;
  protected readonly shape: StorageShape;

  constructor(
    pallet: string,
    readonly name: string,
  ) {
    const shape = palletShape(pallet).storage[name];
    if (shape === undefined) throw new Error(`${pallet} stores no ${name}`);
    this.shape = shape;
    this.prefix = `${toHex(xxhashAsU8a(pallet, 128))}${toHex(xxhashAsU8a(name, 128)).slice(2)}`;
  }

  /** The key of an entry, or with fewer parts than the map has, the prefix that its entries share. */
  key(...parts: Partial<K>): Hex {
    let key = this.prefix;
    for (const [i, part] of parts.entries()) {
      const { type, hasher } = this.shape.keys[i]!;
      const plain = encode(type, part);
      const hash = hasher === "Twox64Concat" ? xxhashAsU8a(plain, 64) : blake2AsU8a(plain, 128);
      key = `${key}${toHex(hash).slice(2)}${toHex(plain).slice(2)}`;
    }
    return key;
  }

  has(state: StateReader, ...parts: K): boolean {
    return state.get(this.key(...parts)) !== undefined;
  }

  find(state: StateReader, ...parts: K): V | undefined {
    const bytes = state.get(this.key(...parts));
    return bytes === undefined ? undefined : decode<V>(this.shape.value, bytes);
  }

  put(state: Overlay, ...partsAndValue: readonly [...K, V]): void {
    const parts = partsAndValue.slice(0, -1) as unknown as K;
    state.put(this.key(...parts), encode(this.shape.value, partsAndValue[partsAndValue.length - 1]));
  }

  remove(state: Overlay, ...parts: K): void {
    state.remove(this.key(...parts));
  }

  /** The last key part of every entry under the given first parts, in key order. */
  lastParts<Last>(state: StateReader, ...first: Partial<K>): Last[] {
    const prefix = this.key(...first);
    const { type, hasher } = this.shape.keys[first.length]!;
    const hashDigits = hasher === "Twox64Concat" ? 16 : 32;
    return state
      .keys(prefix)
      .map((key) => decode<Last>(type, Buffer.from(key.slice(prefix.length + hashDigits), "hex")));
  }
}

export class DefaultedItem<K extends readonly unknown[], V> extends Item<K, V> {
  get(state: StateReader, ...parts: K): V {
    return this.find(state, ...parts) ?? defaultOf<V>(this.shape.value);
  }
}

/** An entry that reads as zero when absent. */
export const stored = <V>(pallet: string, name: string) => new DefaultedItem<[], V>(pallet, name);
/** An entry that may be absent. */
export const storedMaybe = <V>(pallet: string, name: string) => new Item<[], V>(pallet, name);
export const storedMap = <K extends readonly unknown[], V>(pallet: string, name: string) =>
  new DefaultedItem<K, V>(pallet, name);
export const storedMaybeMap = <K extends readonly unknown[], V>(pallet: string, name: string) =>
  new Item<K, V>(pallet, name);
