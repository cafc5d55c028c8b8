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

  it("gives a miner some times its usual before another is asked, within bounds", () => {
    const costs = createMinerCosts({ hedgeAfterMs: 1000 });
    expect(costs.hedgeAfterMs(a)).toBe(1000);
    costs.served(a, 0.001);
    expect(costs.hedgeAfterMs(a)).toBe(250);
    costs.served(b, 30);
    expect(costs.hedgeAfterMs(b)).toBe(2000);
  });
});
