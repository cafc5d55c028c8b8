import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { memoryJournal } from "../store/journal.js";
import type { Chain } from "./chain.js";
import type { Block } from "./engine.js";
import { finalityMsMin, Sealer } from "./sealer.js";

const finalityMs = 100;

/** A chain of block numbers. */
function sealing(config: { readonly finalityMs: number }, journal = memoryJournal) {
  let height = 0;
  const finalized: number[] = [];
  const chain = {
    seal: () => {
      height += 1;
      return { header: { number: height } } as Block;
    },
    finalize: ({ header }: Block) => void finalized.push(header.number),
  } as unknown as Chain;
  const fail = (error: unknown) => {
    throw error;
  };
  return { sealer: new Sealer(chain, journal, { seal: "manual", blockMs: 1, ...config }, fail), finalized };
}

describe("the finality of blocks", () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());
  const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

  it("comes its time after each block, never at once with it", async () => {
    for (const [given, taken] of [
      [finalityMs, finalityMs],
      [0, finalityMsMin],
    ] as const) {
      const { sealer, finalized } = sealing({ finalityMs: given });
      sealer.seal();
      await pass(taken - 1);
      expect(finalized).toEqual([]);
      sealer.seal();
      await pass(1);
      expect(finalized).toEqual([1]);
      await pass(taken - 1);
      expect(finalized).toEqual([1, 2]);
    }
  });

  it("does not come while it is stalled, however long that is; then at once for what had waited its time", async () => {
    const { sealer, finalized } = sealing({ finalityMs });
    sealer.seal();
    await pass(finalityMs);
    sealer.stallFinality(true);
    sealer.seal();
    sealer.seal();
    await pass(1000 * finalityMs);
    expect(finalized).toEqual([1]);
    sealer.seal();
    sealer.stallFinality(false);
    await pass(1);
    expect(finalized).toEqual([1, 3]);
    await pass(finalityMs);
    expect(finalized).toEqual([1, 3, 4]);
  });

  it.each<readonly [string, (sealer: Sealer) => void]>([
    ["was stalled", (sealer) => sealer.stallFinality(true)],
    ["was stopped", (sealer) => sealer.stop()],
  ])("does not come to a block that was being made durable when it %s", async (_, end) => {
    const slow = { ...memoryJournal, sync: () => new Promise<void>((resolve) => setTimeout(resolve, 50)) };
    const { sealer, finalized } = sealing({ finalityMs }, slow);
    sealer.seal();
    await pass(finalityMs + 49);
    end(sealer);
    await pass(1000 * finalityMs);
    expect(finalized).toEqual([]);
  });
});
