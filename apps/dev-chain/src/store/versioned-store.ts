import type { Hex } from "../engine/codec.js";

/** Storage as clients know it: bytes under a 0x-hex key, keys in byte order. */
export interface StateReader {
  get(key: Hex): Uint8Array | undefined;
  /** Keys that start with the prefix, sorted. */
  keys(prefix: Hex): readonly Hex[];
  /** The first key that comes after this one, which need not be there itself. */
  next(after: Hex): Hex | undefined;
}

/** What a block changed: the new value, or null where the entry is gone. */
export type Changes = ReadonlyMap<Hex, Uint8Array | null>;

interface Undo {
  readonly height: number;
  readonly previous: ReadonlyMap<Hex, Uint8Array | undefined>;
  readonly bytes: number;
}

/**
 * The newest state and the way back: for each block the values that it overwrote. Reading at a height looks for the
 * first later block that overwrote the key. Old undo records are dropped by number of blocks and by bytes, so memory
 * is bounded however long the chain runs.
 */
export class VersionedStore implements StateReader {
  private readonly values = new Map<Hex, Uint8Array>();
  private readonly index = new KeyIndex();
  private undo: Undo[] = [];
  private undoBytes = 0;

  constructor(
    private readonly limits: { readonly blocks: number; readonly bytes: number },
    /** Height that the values are of. */
    private height = 0,
  ) {}

  /** Oldest height that can still be read. */
  get oldest(): number {
    return this.height - this.undo.length;
  }

  get(key: Hex): Uint8Array | undefined {
    return this.values.get(key);
  }

  keys(prefix: Hex): readonly Hex[] {
    return this.index.range(prefix);
  }

  next(after: Hex): Hex | undefined {
    return this.index.next(after);
  }

  *entries(): IterableIterator<[Hex, Uint8Array]> {
    yield* this.values;
  }

  get size(): number {
    return this.values.size;
  }

  /** Sets entries without a way back: genesis and snapshots. */
  load(changes: Changes): void {
    for (const [key, value] of changes) this.write(key, value);
  }

  commit(height: number, changes: Changes): void {
    const previous = new Map<Hex, Uint8Array | undefined>();
    let bytes = 0;
    for (const [key, value] of changes) {
      const old = this.values.get(key);
      previous.set(key, old);
      bytes += key.length + (old?.length ?? 0);
      this.write(key, value);
    }
    this.height = height;
    this.undo.push({ height, previous, bytes });
    this.undoBytes += bytes;
    this.prune();
  }

  /** Takes the newest block back. @returns what it had changed */
  revert(): Changes {
    const last = this.undo.pop();
    if (last === undefined) throw new Error("no block can be taken back");
    const changes = new Map<Hex, Uint8Array | null>();
    for (const [key, previous] of last.previous) {
      changes.set(key, this.values.get(key) ?? null);
      this.write(key, previous ?? null);
    }
    this.undoBytes -= last.bytes;
    this.height = last.height - 1;
    return changes;
  }

  /** @returns undefined where that height is not known any more, or not yet */
  at(height: number): StateReader | undefined {
    if (height === this.height) return this;
    if (height > this.height || height < this.oldest) return undefined;
    const later = this.undo.slice(this.undo.length - (this.height - height));
    return new PastState(this, later);
  }

  private write(key: Hex, value: Uint8Array | null): void {
    if (value === null) {
      if (this.values.delete(key)) this.index.remove(key);
    } else {
      if (!this.values.has(key)) this.index.add(key);
      this.values.set(key, value);
    }
  }

  private prune(): void {
    let drop = Math.max(0, this.undo.length - this.limits.blocks);
    let dropped = this.undo.slice(0, drop).reduce((sum, { bytes }) => sum + bytes, 0);
    while (this.undoBytes - dropped > this.limits.bytes && drop < this.undo.length - 1) {
      dropped += this.undo[drop]!.bytes;
      drop += 1;
    }
    if (drop === 0) return;
    this.undo.splice(0, drop);
    this.undoBytes -= dropped;
  }
}

class PastState implements StateReader {
  constructor(
    private readonly now: StateReader,
    private readonly later: readonly Undo[],
  ) {}

  get(key: Hex): Uint8Array | undefined {
    for (const { previous } of this.later) if (previous.has(key)) return previous.get(key);
    return this.now.get(key);
  }

  keys(prefix: Hex): readonly Hex[] {
    const found = new Set(this.now.keys(prefix));
    for (const { previous } of [...this.later].reverse()) {
      for (const [key, value] of previous) {
        if (!key.startsWith(prefix)) continue;
        if (value === undefined) found.delete(key);
        else found.add(key);
      }
    }
    return [...found].sort();
  }

  next(after: Hex): Hex | undefined {
    let next = this.now.next(after);
    while (next !== undefined && this.get(next) === undefined) next = this.now.next(next);
    for (const { previous } of this.later) {
      for (const key of previous.keys()) {
        if (key > after && (next === undefined || key < next) && this.get(key) !== undefined) next = key;
      }
    }
    return next;
  }
}

/** Hex digits of the two hashes of 16 bytes that begin every key of an item. */
const itemPrefixLength = 2 + 64;

/** Keys grouped by item, each group sorted when it is first read after a change. */
class KeyIndex {
  private readonly groups = new Map<string, { keys: Set<Hex>; sorted: Hex[] | undefined }>();
  private names: string[] | undefined;

  add(key: Hex): void {
    const name = key.slice(0, itemPrefixLength);
    const group = this.groups.get(name);
    if (group === undefined) {
      this.groups.set(name, { keys: new Set([key]), sorted: undefined });
      this.names = undefined;
    } else {
      group.keys.add(key);
      group.sorted = undefined;
    }
  }

  remove(key: Hex): void {
    const group = this.groups.get(key.slice(0, itemPrefixLength));
    if (group === undefined) return;
    group.keys.delete(key);
    group.sorted = undefined;
  }

  range(prefix: Hex): readonly Hex[] {
    if (prefix.length < itemPrefixLength) {
      return [...this.groups.keys()]
        .filter((name) => name.startsWith(prefix) || prefix.startsWith(name))
        .sort()
        .flatMap((name) => this.sorted(name).filter((key) => key.startsWith(prefix)));
    }
    const all = this.sorted(prefix.slice(0, itemPrefixLength));
    if (prefix.length === itemPrefixLength) return all;
    const from = lowerBound(all, prefix);
    let to = from;
    while (to < all.length && all[to]!.startsWith(prefix)) to += 1;
    return all.slice(from, to);
  }

  /** Items are told apart by how their keys begin, so the order of items is the order of their keys. */
  next(after: Hex): Hex | undefined {
    this.names ??= [...this.groups.keys()].sort();
    const own = after.slice(0, itemPrefixLength);
    for (let at = lowerBound(this.names, own); at < this.names.length; at += 1) {
      const keys = this.sorted(this.names[at]!);
      let from = lowerBound(keys, after);
      if (keys[from] === after) from += 1;
      if (from < keys.length) return keys[from];
    }
    return undefined;
  }

  private sorted(name: string): readonly Hex[] {
    const group = this.groups.get(name);
    if (group === undefined) return [];
    group.sorted ??= [...group.keys].sort();
    return group.sorted;
  }
}

/** First position whose key is not before `key`. */
export function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
