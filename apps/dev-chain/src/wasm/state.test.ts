import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Hex, toHex } from "../engine/codec.js";
import { VersionedStore } from "../store/versioned-store.js";
import { RuntimeState, trieOf } from "./state.js";

const bytes = (text: string): Uint8Array => Buffer.from(text, "utf8");
const text = (found: Uint8Array): string => Buffer.from(found).toString("utf8");

type Step = readonly [key: string, value: string | null];
/** Some keys are shorter than the two hashes that an item's begin with, some longer, many begin alike. */
const key = fc
  .tuple(fc.constantFrom("", "a".repeat(32), "a".repeat(33), "b".repeat(32)), fc.constantFrom("", "a", "ab", "b", "c"))
  .map((parts) => `k${parts.join("")}`);
const steps = fc.array(fc.tuple(key, fc.option(fc.constantFrom("one", "two"))), { maxLength: 12 });

const changesOf = (written: readonly Step[]) =>
  new Map(
    written.map(([at, value]) => [toHex(bytes(at)), value === null ? null : bytes(value)] as [Hex, Uint8Array | null]),
  );
const emptyStore = () => new VersionedStore({ blocks: 1, bytes: 1 });
const stateOn = (store: VersionedStore): RuntimeState => new RuntimeState(store, () => trieOf(store));

function write(state: RuntimeState, model: Map<string, string>, written: readonly Step[]): void {
  for (const [at, value] of written) {
    if (value === null) {
      state.remove(bytes(at));
      model.delete(at);
    } else {
      state.put(bytes(at), bytes(value));
      model.set(at, value);
    }
  }
}

function keysOf(state: RuntimeState): string[] {
  const keys: string[] = [];
  for (let at = state.nextKey(bytes("k")); at !== undefined; at = state.nextKey(at)) keys.push(text(at));
  return keys;
}
const sorted = (keys: Iterable<string>): string[] => [...keys].filter((at) => at !== "k").sort();

describe("what a runtime sees of the state", () => {
  it("is the block's state with what was written since, in the order of the keys", () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 4 }), steps, steps, (blocks, kept, dropped) => {
        const store = new VersionedStore({ blocks: 10, bytes: 1 << 20 });
        const model = new Map<string, string>();
        const pasts: string[][] = [[]];
        for (const [i, block] of blocks.entries()) {
          store.commit(i + 1, changesOf(block));
          for (const [at, value] of block) value === null ? model.delete(at) : model.set(at, value);
          pasts.push(sorted(model.keys()));
        }
        const state = stateOn(store);
        state.begin();
        write(state, model, kept);
        state.begin();
        write(state, new Map(), dropped);
        state.rollback();
        state.commit();
        expect(keysOf(state)).toEqual(sorted(model.keys()));
        for (const [height, keys] of pasts.entries()) {
          expect(keysOf(new RuntimeState(store.at(height)!, () => undefined))).toEqual(keys);
        }
        const fresh = emptyStore();
        fresh.load(changesOf([...model]));
        expect(toHex(state.root(1))).toBe(toHex(stateOn(fresh).root(1)));
      }),
    );
  });

  it("a limit spares entries of the block's state, never those written since", () => {
    const store = new VersionedStore({ blocks: 10, bytes: 1 << 20 });
    store.commit(1, changesOf(["a1", "a2", "a3", "b1"].map((at) => [at, "old"])));
    const state = stateOn(store);
    state.put(bytes("a0"), bytes("new"));
    expect(state.clearPrefix(bytes("a"), 2)).toEqual({ removed: 2, isDone: false });
    expect(["a0", "a1", "a2", "a3", "b1"].map((at) => state.get(bytes(at)) !== undefined)).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
    expect(state.clearPrefix(bytes("a"), 2)).toEqual({ removed: 1, isDone: true });
    expect(state.clearPrefix(bytes("a"), 2)).toEqual({ removed: 0, isDone: true });
  });

  describe("asked for the root, and again after", () => {
    const before = (): RuntimeState => {
      const store = new VersionedStore({ blocks: 10, bytes: 1 << 20 });
      store.commit(1, changesOf(["a1", "a2", "b1"].map((at) => [at, "old"])));
      const state = stateOn(store);
      state.child(bytes("one")).put(bytes("k"), bytes("of one"));
      state.child(bytes("one")).put(bytes("l"), bytes("more"));
      state.begin();
      state.put(bytes("c"), bytes("new"));
      return state;
    };
    it.each<readonly [string, (state: RuntimeState) => void]>([
      ["an entry was written", (state) => state.put(bytes("d"), bytes("new"))],
      ["a list grew", (state) => state.append(bytes("list"), bytes("item"))],
      ["an entry was removed", (state) => state.remove(bytes("a1"))],
      ["a prefix was cleared", (state) => void state.clearPrefix(bytes("a"))],
      ["a child was written to", (state) => state.child(bytes("one")).put(bytes("m"), bytes("new"))],
      ["a child lost an entry", (state) => state.child(bytes("one")).remove(bytes("k"))],
      [
        "a child was cleared",
        (state) => void state.child(bytes("one")).clearPrefix(bytes("l"), Number.POSITIVE_INFINITY),
      ],
      ["a transaction was dropped", (state) => state.rollback()],
    ])("%s, it is that of the state as it is now", (_, change) => {
      const [asked, unasked] = [before(), before()];
      const first = toHex(asked.root(1));
      for (const state of [asked, unasked]) change(state);
      expect(toHex(asked.root(1))).toBe(toHex(unasked.root(1)));
      expect(toHex(asked.root(1))).not.toBe(first);
    });
  });

  it("children are committed to by the version that is asked for, whichever was asked for before", () => {
    const [asked, unasked] = [emptyStore(), emptyStore()].map(stateOn) as [RuntimeState, RuntimeState];
    for (const state of [asked, unasked]) state.child(bytes("one")).put(bytes("k"), new Uint8Array(33));
    asked.root(0);
    expect(toHex(asked.root(1))).toBe(toHex(unasked.root(1)));
  });

  it("children are told apart by their whole name", () => {
    const state = stateOn(emptyStore());
    state.child(bytes("ab")).put(bytes("c"), bytes("of ab"));
    state.child(bytes("a")).put(bytes("bc"), bytes("of a"));
    expect(text(state.child(bytes("ab")).get(bytes("c"))!)).toBe("of ab");
    expect(state.child(bytes("a")).nextKey(bytes("bc"))).toBeUndefined();
    state.child(bytes("a")).clearPrefix(new Uint8Array(), Number.POSITIVE_INFINITY);
    expect(text(state.child(bytes("ab")).get(bytes("c"))!)).toBe("of ab");
  });
});
