import { type Hex, textHex, toHex } from "../engine/codec.js";
import { Reader, ScaleError, Writer } from "../engine/scale.js";
import { Overlay } from "../store/overlay.js";
import type { Changes, StateReader } from "../store/versioned-store.js";
import { insert, nibblesOf, remove, rootOf, type Trie } from "./trie.js";

/** Keys of one state: all of the main one, or those of a child. */
interface Space {
  get(key: Uint8Array): Uint8Array | undefined;
  put(key: Uint8Array, value: Uint8Array): void;
  remove(key: Uint8Array): void;
  nextKey(after: Uint8Array): Uint8Array | undefined;
  /** @param limit how many entries of the parent block may go; what the block wrote itself goes in any case */
  clearPrefix(prefix: Uint8Array, limit: number): { readonly removed: number; readonly isDone: boolean };
  root(version: number): Uint8Array;
}

/** Where the entries of children lie in the store: their name with its length, then their key. */
const childEntries = textHex(":granary:child:");
/** Under which the main state has the roots of its children, as every Substrate chain has it. */
const childRoots = textHex(":child_storage:default:");

/** Storage as a runtime sees it, on top of the state of a block, in layers that the runtime begins and ends. */
export class RuntimeState implements Space {
  private readonly overlay: Overlay;
  /** Counts what may have changed the state. */
  private writes = 0;
  private known: { readonly trie: Trie; readonly writes: number; readonly version: number } | undefined;

  constructor(
    private readonly base: StateReader,
    private readonly baseTrie: () => Trie,
  ) {
    this.overlay = new Overlay(base);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.overlay.get(toHex(key));
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.writes += 1;
    this.overlay.put(toHex(key), value);
  }

  remove(key: Uint8Array): void {
    this.writes += 1;
    this.overlay.remove(toHex(key));
  }

  /** Adds an item to a SCALE list; whatever else stood there is replaced by a list of this one. */
  append(key: Uint8Array, item: Uint8Array): void {
    const list = this.get(key);
    const { count, items } = list === undefined ? noItems : itemsOf(list);
    const writer = new Writer();
    writer.compact(count + 1n);
    writer.put(items);
    writer.put(item);
    this.put(key, writer.finish());
  }

  nextKey(after: Uint8Array): Uint8Array | undefined {
    return this.nextUnder("0x", toHex(after));
  }

  clearPrefix(prefix: Uint8Array, limit = Number.POSITIVE_INFINITY) {
    return this.clear(toHex(prefix), limit);
  }

  /** A state of its own; it is there as soon as it has an entry. */
  child(name: Uint8Array): Space {
    const prefix = `${childEntries}${lengthHex(name)}${toHex(name).slice(2)}` as Hex;
    const under = (key: Uint8Array): Hex => `${prefix}${toHex(key).slice(2)}`;
    return {
      get: (key) => this.overlay.get(under(key)),
      put: (key, value) => {
        this.writes += 1;
        this.overlay.put(under(key), value);
      },
      remove: (key) => {
        this.writes += 1;
        this.overlay.remove(under(key));
      },
      nextKey: (after) => this.nextUnder(prefix, under(after)),
      clearPrefix: (part, limit) => this.clear(under(part), limit),
      root: (version) => rootOf(this.childTrie(prefix), version),
    };
  }

  begin(): void {
    this.overlay.begin();
  }

  commit(): void {
    this.overlay.commit();
  }

  rollback(): void {
    this.writes += 1;
    this.overlay.rollback();
  }

  get depth(): number {
    return this.overlay.depth;
  }

  changes(): Changes {
    return this.overlay.changes();
  }

  /** The root of everything that was written, as of now; children's roots are written by this. */
  root(version: number): Uint8Array {
    return rootOf(this.trie(version), version);
  }

  /** @param version what children are committed to with */
  trie(version: number): Trie {
    if (this.known?.writes !== this.writes || this.known.version !== version) {
      this.known = { trie: this.makeTrie(version), writes: this.writes, version };
    }
    return this.known.trie;
  }

  private makeTrie(version: number): Trie {
    for (const [prefix, name] of this.changedChildren()) {
      const trie = this.childTrie(prefix);
      const key: Hex = `${childRoots}${name}`;
      if (trie === undefined) this.overlay.remove(key);
      else this.overlay.put(key, rootOf(trie, version));
    }
    let trie = this.baseTrie();
    for (const key of this.overlay.changedKeys()) {
      if (!key.startsWith(childEntries)) trie = written(trie, key, this.overlay.get(key));
    }
    return trie;
  }

  private nextUnder(prefix: Hex, after: Hex): Uint8Array | undefined {
    const next = this.overlay.next(after);
    return next?.startsWith(prefix) ? Buffer.from(next.slice(prefix.length), "hex") : undefined;
  }

  private clear(prefix: Hex, limit: number) {
    this.writes += 1;
    const stored = this.base.keys(prefix).filter((key) => this.overlay.get(key) !== undefined);
    const kept = new Set(stored.slice(Math.min(limit, stored.length)));
    for (const key of this.overlay.keys(prefix)) if (!kept.has(key)) this.overlay.remove(key);
    return { removed: stored.length - kept.size, isDone: kept.size === 0 };
  }

  private childTrie(prefix: Hex): Trie {
    let trie: Trie;
    for (const key of this.overlay.keys(prefix)) {
      trie = written(trie, `0x${key.slice(prefix.length)}`, this.overlay.get(key));
    }
    return trie;
  }

  /** Prefix of the entries, and hexadecimal name. */
  private changedChildren(): Map<Hex, string> {
    const found = new Map<Hex, string>();
    for (const key of this.overlay.changedKeys()) {
      if (!key.startsWith(childEntries)) continue;
      const nameAt = childEntries.length + lengthDigits;
      const end = nameAt + 2 * Number.parseInt(key.slice(childEntries.length, nameAt), 16);
      found.set(key.slice(0, end) as Hex, key.slice(nameAt, end));
    }
    return found;
  }
}

/** The trie of a whole state. */
export function trieOf(state: StateReader): Trie {
  let trie: Trie;
  for (const key of state.keys("0x")) if (!key.startsWith(childEntries)) trie = written(trie, key, state.get(key));
  return trie;
}

function written(trie: Trie, key: Hex, value: Uint8Array | undefined): Trie {
  const nibbles = nibblesOf(Buffer.from(key.slice(2), "hex"));
  return value === undefined ? remove(trie, nibbles) : insert(trie, nibbles, value);
}

const noItems = { count: 0n, items: new Uint8Array() };

function itemsOf(list: Uint8Array) {
  const reader = new Reader(list);
  try {
    return { count: reader.compact(), items: reader.take(reader.left) };
  } catch (error) {
    if (error instanceof ScaleError) return noItems;
    throw error;
  }
}

const lengthDigits = 8;
const lengthHex = (bytes: Uint8Array): string => bytes.length.toString(16).padStart(lengthDigits, "0");
