import type { AccountId } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { createMinerCosts } from "./miner-costs.js";

const [a, b] = ["a", "b"] as [AccountId, AccountId];

describe("the cost of a miner", () => {
  it("follows its times, and a failure makes it dearer than a slower one until it fades", () => {
    let now = 0;
    const costs = createMinerCosts({ hedgeAfterMs: 1000, now: () => now });
    costs.served(a, 0.1);
    costs.served(b, 0.3);
    expect(costs.costOf(a)).toBeLessThan(costs.costOf(b));
    costs.failed(a);
    expect(costs.costOf(a)).toBeGreaterThan(costs.costOf(b));
    now += 600_000;
    expect(costs.costOf(a)).toBeLessThan(costs.costOf(b));
    for (let i = 0; i < 20; i += 1) costs.served(a, 1);
    expect(costs.costOf(a)).toBeGreaterThan(0.9);
  });

  it("takes a miner for stuck after some times its usual, and waits longer for one that was cancelled for it", () => {
    const costs = createMinerCosts({ hedgeAfterMs: 1000 });
    expect([costs.hedgeAfterMs(a), costs.stuckAfterMs(a)]).toEqual([1000, 1000]);
    costs.served(a, 0.001);
    expect(costs.stuckAfterMs(a)).toBe(250);
    let waitedMs = costs.stuckAfterMs(a);
    for (let i = 0; i < 10; i += 1) costs.overtaken(a, costs.stuckAfterMs(a) / 1000);
    expect(costs.stuckAfterMs(a)).toBeGreaterThan(4 * waitedMs);
    waitedMs = costs.stuckAfterMs(a);
    for (let i = 0; i < 100; i += 1) costs.overtaken(a, costs.stuckAfterMs(a) / 1000);
    expect(costs.stuckAfterMs(a)).toBe(30_000);
  });

  it("finds a hedge worth while after three quarters of its class: slow miners are measured against slow ones", () => {
    const costs = createMinerCosts({ hedgeAfterMs: 1000 });
    for (const miner of [a, b]) costs.served(miner, miner === a ? 0.5 : 4);
    for (let i = 0; i < 50; i += 1) {
      costs.served(a, i % 5 === 0 ? 0.6 : 0.5);
      costs.served(b, 4);
    }
    expect(costs.hedgeAfterMs(a)).toBe(500);
    expect(costs.stuckAfterMs(a)).toBeGreaterThan(1500);
    expect(costs.hedgeAfterMs(b)).toBe(4000);
  });

  it("is known to the process that comes after", () => {
    const costs = createMinerCosts({ hedgeAfterMs: 1000 });
    costs.served(a, 3);
    costs.failed(b);
    const again = createMinerCosts({ hedgeAfterMs: 1000, remembered: costs.snapshot() });
    expect(again.costOf(a)).toBe(3);
    expect(again.costOf(b)).toBeGreaterThan(0.9);
  });
});
