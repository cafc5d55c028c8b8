import type { Hex } from "../engine/codec.js";
import type { Changes, StateReader } from "./versioned-store.js";

/** Writes on top of a state, in layers that are kept or thrown away whole: a block, in it a call, in it a batch's item. */
export class Overlay implements StateReader {
  private readonly layers: Map<Hex, Uint8Array | null>[] = [new Map()];

  constructor(private readonly base: StateReader) {}

  get(key: Hex): Uint8Array | undefined {
    for (let i = this.layers.length - 1; i >= 0; i -= 1) {
      const value = this.layers[i]!.get(key);
      if (value !== undefined) return value ?? undefined;
    }
    return this.base.get(key);
  }

  put(key: Hex, value: Uint8Array): void {
    this.top.set(key, value);
  }

  remove(key: Hex): void {
    this.top.set(key, null);
  }

  keys(prefix: Hex): readonly Hex[] {
    const base = this.base.keys(prefix);
    const found = new Set(base);
    let isChanged = false;
    for (const layer of this.layers) {
      for (const [key, value] of layer) {
        if (!key.startsWith(prefix)) continue;
        isChanged = true;
        if (value === null) found.delete(key);
        else found.add(key);
      }
    }
    return isChanged ? [...found].sort() : base;
  }

  next(after: Hex): Hex | undefined {
    let next = this.base.next(after);
    while (next !== undefined && this.get(next) === undefined) next = this.base.next(next);
    for (const layer of this.layers) {
      for (const key of layer.keys()) {
        if (key > after && (next === undefined || key < next) && this.get(key) !== undefined) next = key;
      }
    }
    return next;
  }

  /** Runs with a layer of its own: kept when it returns, dropped when it throws. */
  transaction<T>(run: () => T): T {
    this.begin();
    try {
      const result = run();
      this.commit();
      return result;
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  apply(changes: Changes): void {
    for (const [key, value] of changes) this.top.set(key, value);
  }

  /** Layers that were begun and not ended. */
  get depth(): number {
    return this.layers.length - 1;
  }

  begin(): void {
    this.layers.push(new Map());
  }

  /** Keeps what was written since the last `begin`. */
  commit(): void {
    for (const [key, value] of this.end()) this.top.set(key, value);
  }

  /** Drops what was written since the last `begin`. */
  rollback(): void {
    this.end();
  }

  /** Keys that any layer writes. */
  changedKeys(): ReadonlySet<Hex> {
    return new Set(this.layers.flatMap((layer) => [...layer.keys()]));
  }

  changes(): Changes {
    return this.layers[0]!;
  }

  private end(): Map<Hex, Uint8Array | null> {
    if (this.depth === 0) throw new Error("no transaction was begun");
    return this.layers.pop()!;
  }

  private get top(): Map<Hex, Uint8Array | null> {
    return this.layers[this.layers.length - 1]!;
  }
}
