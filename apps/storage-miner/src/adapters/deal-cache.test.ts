import type { Deal } from "@granary/chain-client";
import type { Fid } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { createDealCache } from "./deal-cache.js";

const fid = "a".repeat(64) as Fid;
const someDeal = { fid } as Deal;

function watched(answers: (Deal | null | Error)[]) {
  let reads = 0;
  let nowMs = 0;
  const reader = {
    deal: async () => {
      const answer = answers[Math.min(reads, answers.length - 1)];
      reads += 1;
      if (answer instanceof Error) throw answer;
      return answer ?? null;
    },
  };
  return {
    cache: createDealCache(reader, () => nowMs),
    reads: () => reads,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe("deal cache", () => {
  it("one read answers all who ask within the age that they accept", async () => {
    const { cache, reads, pass } = watched([someDeal]);
    await Promise.all([cache.read(fid, 100), cache.read(fid, 100)]);
    pass(100);
    await cache.read(fid, 100);
    expect(reads()).toBe(1);
    pass(1);
    await cache.read(fid, 100);
    expect(reads()).toBe(2);
    cache.forget(fid);
    await cache.read(fid, 100);
    expect(reads()).toBe(3);
  });

  it("neither a missing deal nor a failure is remembered", async () => {
    const { cache, reads } = watched([null, new Error("away"), someDeal]);
    expect(await cache.read(fid, 1000)).toBeNull();
    await expect(cache.read(fid, 1000)).rejects.toThrow("away");
    expect(await cache.read(fid, 1000)).toBe(someDeal);
    expect(reads()).toBe(3);
  });
});
