import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Hex } from "../engine/codec.js";
import { Overlay } from "./overlay.js";
import { VersionedStore } from "./versioned-store.js";

const key = (item: number, entry: number): Hex => `0x${`${item}`.repeat(64)}${`${entry}`.padStart(4, "0")}`;
const item = (which: number): Hex => `0x${`${which}`.repeat(64)}`;
const bytes = (value: number): Uint8Array => new Uint8Array([value]);
const unlimited = { blocks: 1000, bytes: 1 << 30 };

const change = fc.record({
  item: fc.integer({ min: 1, max: 2 }),
  entry: fc.integer({ min: 0, max: 9 }),
  value: fc.option(fc.nat(255)),
});
const blocks = fc.array(fc.array(change, { maxLength: 6 }), { minLength: 1, maxLength: 12 });

describe("a store with history", () => {
  it("reads at every height what was there then, values and keys, in order", () => {
    fc.assert(
      fc.property(blocks, (history) => {
        const store = new VersionedStore(unlimited);
        const model: Map<Hex, number>[] = [new Map()];
        for (const [i, changes] of history.entries()) {
          const now = new Map(model[i]);
          const written = new Map<Hex, Uint8Array | null>();
          for (const { item: which, entry, value } of changes) {
            written.set(key(which, entry), value === null ? null : bytes(value));
            if (value === null) now.delete(key(which, entry));
            else now.set(key(which, entry), value);
          }
          model.push(now);
          store.commit(i + 1, written);
        }
        for (const [height, then] of model.entries()) {
          const state = store.at(height)!;
          for (const which of [1, 2]) {
            const expected = [...then.keys()].filter((name) => name.startsWith(item(which))).sort();
            expect(state.keys(item(which))).toEqual(expected);
          }
          for (let entry = 0; entry < 10; entry += 1)
            expect(state.get(key(1, entry))?.[0]).toBe(then.get(key(1, entry)));
        }
      }),
    );
  });

  it("takes blocks back as if they had never been, and says what they had changed", () => {
    fc.assert(
      fc.property(blocks, fc.nat(11), (history, count) => {
        const [store, never] = [new VersionedStore(unlimited), new VersionedStore(unlimited)];
        const changesOf = (changes: (typeof history)[number]) =>
          new Map(
            changes.map(({ item: which, entry, value }) => [key(which, entry), value === null ? null : bytes(value)]),
          );
        const kept = Math.max(0, history.length - count);
        for (const [i, changes] of history.entries()) store.commit(i + 1, changesOf(changes));
        for (const [i, changes] of history.slice(0, kept).entries()) never.commit(i + 1, changesOf(changes));
        for (let height = history.length; height > kept; height -= 1) {
          const changed = store.revert();
          expect([...changed.keys()].sort()).toEqual([...changesOf(history[height - 1]!).keys()].sort());
        }
        expect([...store.entries()].sort()).toEqual([...never.entries()].sort());
        for (let height = 0; height <= kept; height += 1) {
          for (const which of [1, 2])
            expect(store.at(height)!.keys(item(which))).toEqual(never.at(height)!.keys(item(which)));
        }
        expect(store.at(kept + 1)).toBeUndefined();
      }),
    );
  });

  it("forgets what is older than its limits of blocks and of bytes, and still knows the present", () => {
    const byBlocks = new VersionedStore({ blocks: 3, bytes: 1 << 30 });
    const byBytes = new VersionedStore({ blocks: 1000, bytes: 10_000 });
    for (let height = 1; height <= 50; height += 1) {
      byBlocks.commit(height, new Map([[key(1, 1), bytes(height)]]));
      byBytes.commit(height, new Map([[key(1, 1), new Uint8Array(1000).fill(height)]]));
    }
    expect([byBlocks.at(46), byBlocks.at(47)?.get(key(1, 1)), byBlocks.at(51)]).toEqual([
      undefined,
      bytes(47),
      undefined,
    ]);
    expect(byBytes.oldest).toBeGreaterThan(40);
    expect(byBytes.get(key(1, 1))?.[0]).toBe(50);
  });
});

describe("an overlay", () => {
  it("keeps a transaction's writes when it returns and drops them when it throws", () => {
    const store = new VersionedStore(unlimited);
    store.load(new Map([[key(1, 1), bytes(1)]]));
    const overlay = new Overlay(store);
    overlay.transaction(() => overlay.put(key(1, 2), bytes(2)));
    expect(() =>
      overlay.transaction(() => {
        overlay.remove(key(1, 1));
        overlay.transaction(() => overlay.put(key(1, 3), bytes(3)));
        expect(overlay.keys(item(1))).toEqual([key(1, 2), key(1, 3)]);
        throw new Error("no");
      }),
    ).toThrow("no");
    expect(overlay.keys(item(1))).toEqual([key(1, 1), key(1, 2)]);
    expect([...overlay.changes().keys()]).toEqual([key(1, 2)]);
    expect(store.keys(item(1))).toEqual([key(1, 1)]);
  });
});
