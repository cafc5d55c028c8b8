import { describe, expect, it } from "@jest/globals";
import { type Answer, compareNodes, LAG_MAX_BLOCKS, laggingNodes } from "./endpoints.js";

const urls = ["ws://one:1", "ws://two:2", "wss://three:3/key"];
const at = (finalized: number, genesisHash = "0xaa"): Answer => ({ genesisHash, finalized });

describe("nodes of a chain", () => {
  it("are compared with the one that is furthest, by finalized blocks", () => {
    const standings = compareNodes(urls, [at(100), null, at(130)], 0);
    expect(standings.map(({ isUp, lagBlocks }) => [isUp, lagBlocks])).toEqual([
      [true, 30],
      [false, null],
      [true, 0],
    ]);
    expect(standings.map(({ host, isCurrent }) => [host, isCurrent])).toEqual([
      ["one:1", true],
      ["two:2", false],
      ["three:3", false],
    ]);
  });

  it("lag when another of them is well ahead", () => {
    const lagging = (answers: (Answer | null)[]) => [...laggingNodes(compareNodes(urls, answers, 0))];
    expect(lagging([at(100), at(100 + LAG_MAX_BLOCKS), null])).toEqual([]);
    expect(lagging([at(100), at(101 + LAG_MAX_BLOCKS), null])).toEqual([0]);
    expect(lagging([at(100), at(101 + LAG_MAX_BLOCKS), at(200)])).toEqual([0, 1]);
    expect(lagging([null, at(200), null])).toEqual([]);
    expect(lagging([null, null, null])).toEqual([]);
  });

  it("do not count when they are of another chain than the one in use, however far they are", () => {
    const standings = compareNodes(urls, [at(100), at(9_000, "0xbb"), at(105)], 0);
    expect(standings.map(({ lagBlocks }) => lagBlocks)).toEqual([5, null, 0]);
    expect([...laggingNodes(standings)]).toEqual([]);
  });

  it("are compared with each other while the one in use does not answer", () => {
    const standings = compareNodes(urls, [null, at(100), at(130)], 0);
    expect(standings.map(({ isUp, lagBlocks }) => [isUp, lagBlocks])).toEqual([
      [false, null],
      [true, 30],
      [true, 0],
    ]);
  });
});
