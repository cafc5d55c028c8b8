import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Hex } from "../engine/codec.js";
import type { BuiltBlock } from "../engine/engine.js";
import { type Header, headerHash } from "../engine/header.js";
import { FileJournal } from "./journal.js";
import { VersionedStore } from "./versioned-store.js";

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "journal-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const zero: Hex = `0x${"00".repeat(32)}`;
const key: Hex = "0xabcd";

function build(parent: BuiltBlock | undefined): BuiltBlock {
  const number = parent === undefined ? 0 : parent.block.header.number + 1;
  const header: Header = {
    parentHash: parent?.block.hash ?? zero,
    number,
    stateRoot: zero,
    extrinsicsRoot: zero,
    logs: [],
  };
  const changes = new Map<Hex, Uint8Array | null>([
    [key, new Uint8Array([number])],
    ["0x01", number % 2 === 0 ? null : new Uint8Array(300)],
  ]);
  return { block: { hash: headerHash(header), header, extrinsics: [new Uint8Array([1, 2, number])] }, changes };
}

const limits = { blocks: 10, bytes: 1 << 30 };

/** A chain of so many blocks in the folder, as a process would write it that is then killed: without closing. */
function write(count: number): BuiltBlock[] {
  const built = [build(undefined)];
  const journal = FileJournal.open(folder, { hash: built[0]!.block.hash, origin: built[0]! }, limits);
  const store = new VersionedStore({ blocks: 5, bytes: 1 << 20 });
  store.load(built[0]!.changes);
  for (let i = 1; i <= count; i += 1) {
    const next = build(built.at(-1));
    built.push(next);
    journal.append(next);
    store.commit(i, next.changes);
    journal.rotateIfDue(next.block, () => store.entries());
  }
  return built;
}

const numbers = (blocks: readonly BuiltBlock[]): number[] => blocks.map(({ block }) => block.header.number);

describe("a journal", () => {
  it("knows nothing in a new folder and everything after its process was killed", () => {
    expect(FileJournal.load(folder)).toBeUndefined();
    const built = write(5);
    const loaded = FileJournal.load(folder)!;
    expect(loaded.genesisHash).toBe(built[0]!.block.hash);
    expect(loaded.origin).toEqual({ ...built[0], changes: new Map([...built[0]!.changes]) });
    expect(loaded.blocks).toEqual(built.slice(1));
  });

  it("begins again at the last whole block, wherever the writing of the next was cut off", () => {
    const file = path.join(folder, "blocks-0");
    write(3);
    const wholeOfThree = fs.statSync(file).size;
    for (const name of fs.readdirSync(folder)) fs.rmSync(path.join(folder, name));
    const built = write(4);
    const whole = fs.readFileSync(file);
    for (let cut = 1; cut < whole.length - wholeOfThree; cut += 1) {
      fs.writeFileSync(file, whole.subarray(0, whole.length - cut));
      expect(numbers(FileJournal.load(folder)!.blocks)).toEqual([1, 2, 3]);
      const journal = FileJournal.open(folder, { hash: zero, origin: built[0]! }, limits);
      journal.append(built[4]!);
      journal.close();
      expect(fs.readFileSync(file)).toEqual(whole);
    }
  });

  it("refuses damage before the last block instead of forgetting what follows", () => {
    write(4);
    const file = path.join(folder, "blocks-0");
    const bytes = fs.readFileSync(file);
    bytes[20]! ^= 1;
    fs.writeFileSync(file, bytes);
    expect(() => FileJournal.load(folder)).toThrow(/damaged/);
  });

  it("keeps two generations: the folder is bounded, and at least so many past blocks are there after a restart", () => {
    const built = write(47);
    expect(fs.readdirSync(folder).sort()).toEqual(["blocks-30", "blocks-40", "state-30", "state-40"]);
    const loaded = FileJournal.load(folder)!;
    expect(loaded.origin.block.header.number).toBe(30);
    expect(loaded.genesisHash).toBe(built[0]!.block.hash);
    expect(numbers(loaded.blocks)).toEqual(Array.from({ length: 17 }, (_, i) => 31 + i));
    expect(loaded.origin.changes.get(key)).toEqual(new Uint8Array([30]));
  });

  it("does not believe a snapshot that was being written, nor miss the file that was to follow it", () => {
    write(47);
    fs.writeFileSync(path.join(folder, "state-47.draft"), "half");
    fs.rmSync(path.join(folder, "blocks-40"));
    fs.writeFileSync(path.join(folder, "blocks-40"), "");
    expect(numbers(FileJournal.load(folder)!.blocks)).toEqual(Array.from({ length: 10 }, (_, i) => 31 + i));
  });
});
