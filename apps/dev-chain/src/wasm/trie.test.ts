import { describe, expect, it } from "@jest/globals";
import { blake2AsHex } from "@polkadot/util-crypto";
import fc from "fast-check";
import { fromHex, toHex } from "../engine/codec.js";
import { insert, nibblesOf, orderedRoot, remove, rootOf, type Trie } from "./trie.js";

type Entry = readonly [key: Uint8Array, value: Uint8Array];
const bytes = (hex: string): Uint8Array => fromHex(`0x${hex.replaceAll(" ", "")}`);
const trieOf = (entries: readonly Entry[]): Trie =>
  entries.reduce<Trie>((trie, [key, value]) => insert(trie, nibblesOf(key), value), undefined);
const root = (entries: readonly (readonly [string, string])[], version: number): string =>
  toHex(rootOf(trieOf(entries.map(([key, value]) => [bytes(key), bytes(value)])), version));
const hashOf = (node: string): string => blake2AsHex(bytes(node), 256);
const hashDigits = (value: string): string => hashOf(value).slice(2);
const zeros = (count: number): string => "00".repeat(count);

describe("the root of a state, node by node as the specification encodes them", () => {
  it("of nothing", () => {
    expect(toHex(orderedRoot([], 1))).toBe("0x03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314");
  });

  it("of one entry: kind and length of its path, the path, the value", () => {
    expect(root([["1234", "76"]], 0)).toBe(hashOf("44 1234 0476"));
    expect(root([["1234", "76"]], 1)).toBe(hashOf("44 1234 0476"));
  });

  it("long values stand as their hash from version 1 on", () => {
    expect(root([["01", zeros(32)]], 1)).toBe(hashOf(`42 01 80 ${zeros(32)}`));
    expect(root([["01", zeros(33)]], 0)).toBe(hashOf(`42 01 84 ${zeros(33)}`));
    expect(root([["01", zeros(33)]], 1)).toBe(hashOf(`22 01 ${hashDigits(zeros(33))}`));
  });

  it("a path longer than its header can say goes on in further bytes", () => {
    expect(root([[zeros(31), "76"]], 0)).toBe(hashOf(`7e ${zeros(31)} 0476`));
    expect(root([[zeros(32), "76"]], 0)).toBe(hashOf(`7f01 ${zeros(32)} 0476`));
    expect(root([[zeros(159), "76"]], 0)).toBe(hashOf(`7fff00 ${zeros(159)} 0476`));
    expect(root([[zeros(160), "76"]], 0)).toBe(hashOf(`7fff02 ${zeros(160)} 0476`));
  });

  it("a path that just fills its header's room is followed by a zero, in each kind of node", () => {
    const path = (nibbles: number) => `1${"23".repeat((nibbles - 1) / 2)}`;
    const encoded = (nibbles: number) => `0${path(nibbles)}`;
    // Two nodes that are alike, below a branch that has no path.
    const twice = (entries: readonly (readonly [string, string])[]) =>
      ["0", "1"].flatMap((nibble) => entries.map(([at, value]) => [`${nibble}${at}`, value] as const));
    const branchOf = (node: string) => hashOf(`80 0300 80${hashDigits(node)} 80${hashDigits(node)}`);
    const [short, long] = ["76", zeros(33)];
    const below = "10 41 00 0462";
    expect(root(twice([[path(63), short]]), 0)).toBe(branchOf(`7f00 ${encoded(63)} 0476`));
    expect(root(twice([[path(31), long]]), 1)).toBe(branchOf(`3f00 ${encoded(31)} ${hashDigits(long)}`));
    const branch = (nibbles: number, value: string) =>
      twice([
        [path(nibbles), value],
        [`${path(nibbles)}40`, "62"],
      ]);
    expect(root(branch(63, short), 0)).toBe(branchOf(`ff00 ${encoded(63)} 1000 0476 ${below}`));
    expect(root(branch(15, long), 1)).toBe(branchOf(`1f00 ${encoded(15)} 1000 ${hashDigits(long)} ${below}`));
  });

  it("a branch lists who is below it; short ones stand in it", () => {
    const entries = [
      ["10", "61"],
      ["12", "62"],
    ] as const;
    expect(root(entries, 0)).toBe(hashOf("81 01 0500 0c400461 0c400462"));
    const withValue = [
      ["10", "61"],
      ["1020", "62"],
    ] as const;
    expect(root(withValue, 0)).toBe(hashOf("c2 10 0400 0461 10 4100 0462"));
    const withLong = [
      ["10", zeros(40)],
      ["1020", "62"],
    ] as const;
    expect(root(withLong, 1)).toBe(hashOf(`12 10 0400 ${hashDigits(zeros(40))} 10 4100 0462`));
  });

  it("a long node stands in its parent by its hash", () => {
    const entries = [
      ["10", zeros(30)],
      ["12", "62"],
    ] as const;
    expect(root(entries, 0)).toBe(hashOf(`81 01 0500 80${hashDigits(`40 78 ${zeros(30)}`)} 0c400462`));
  });
});

const key = fc.uint8Array({ minLength: 0, maxLength: 4 }).map((some) => some.map((byte) => byte & 0x13));
const value = fc.uint8Array({ maxLength: 40 });
const changes = fc.array(fc.tuple(key, fc.option(value)), { maxLength: 40 });

it("the root is of what is there, whatever was there before and in whichever order it came", () => {
  fc.assert(
    fc.property(changes, fc.constantFrom(0, 1), (steps, version) => {
      const alive = new Map<string, Entry>();
      let trie: Trie;
      for (const [at, what] of steps) {
        const older = trie;
        const before = toHex(rootOf(older, version));
        if (what === null) {
          alive.delete(toHex(at));
          trie = remove(trie, nibblesOf(at));
        } else {
          alive.set(toHex(at), [at, what]);
          trie = insert(trie, nibblesOf(at), what);
        }
        expect(toHex(rootOf(older, version))).toBe(before);
      }
      expect(toHex(rootOf(trie, version))).toBe(toHex(rootOf(trieOf([...alive.values()].reverse()), version)));
    }),
  );
});
