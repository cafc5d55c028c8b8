import { describe, expect, it } from "@jest/globals";
import { createHedgeBudget } from "./hedge-budget.js";

function hedgesOf(share: number, requests: number): number {
  const budget = createHedgeBudget(share);
  let count = 0;
  for (let i = 0; i < requests; i += 1) {
    budget.asked();
    if (budget.take()) count += 1;
  }
  return count;
}

describe("the budget of hedges", () => {
  it("lets no more than its share of all requests be hedges, where every one of them is slow", () => {
    expect(hedgesOf(0.05, 10_000)).toBeGreaterThan(490);
    expect(hedgesOf(0.05, 10_000)).toBeLessThanOrEqual(501);
    expect(hedgesOf(0, 10_000)).toBe(0);
  });

  it("saves up only a few, however long none was needed", () => {
    const budget = createHedgeBudget(0.5);
    for (let i = 0; i < 10_000; i += 1) budget.asked();
    let atOnce = 0;
    while (budget.take()) atOnce += 1;
    expect(atOnce).toBe(4);
  });
});
