import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  decideHedge,
  earnHedge,
  type HedgeSituation,
  hedgeAfterSeconds,
  newHedgeBudget,
  refundHedge,
} from "./hedge.js";
import { defaultPolicy } from "./policy.js";

const policy = defaultPolicy;
const six = [1, 1, 2, 2, 3, 3];
const late = (more: Partial<HedgeSituation> = {}): HedgeSituation => ({
  now: 20_000,
  startedAt: 0,
  hasRival: false,
  expectedSeconds: null,
  columns: 12,
  arrivedSeconds: six,
  ...more,
});
const decide = (more: Partial<HedgeSituation> = {}, budget = newHedgeBudget(policy)) =>
  decideHedge(late(more), budget, policy).decision;

describe("hedging", () => {
  it("waits three times what the file's other columns took, at least 2 and at most 20 seconds", () => {
    expect(hedgeAfterSeconds(six, null, policy)).toBe(6);
    expect(hedgeAfterSeconds([0.1, 0.1], null, policy)).toBe(2);
    expect(hedgeAfterSeconds([50], null, policy)).toBe(20);
    expect(decide({ now: 5_999 })).toEqual({ hedge: false, why: "too-soon", at: 6_000 });
    expect(decide({ now: 6_000 })).toEqual({ hedge: true, afterSeconds: 6 });
  });

  it("gives a miner that was expected to be slow twice the time it was expected to take", () => {
    expect(decide({ now: 15_999, expectedSeconds: 8 })).toEqual({ hedge: false, why: "too-soon", at: 16_000 });
    expect(decide({ now: 16_000, expectedSeconds: 8 })).toEqual({ hedge: true, afterSeconds: 16 });
    expect(hedgeAfterSeconds(six, 1_000, policy)).toBe(policy.hedgeMostSeconds);
  });

  it("begins when half of the file has arrived, and never with a third miner", () => {
    expect(decide({ arrivedSeconds: six.slice(1) })).toEqual({ hedge: false, why: "too-few-arrived" });
    expect(decide({ hasRival: true })).toEqual({ hedge: false, why: "has-rival" });
  });

  it("sends at most 2 % more in all, but for one burst, however often it is asked", () => {
    const step = fc.constantFrom<"earn" | "hedge" | "refund">("earn", "hedge", "refund");
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (random) => {
        // In the end as many as it will let.
        const steps = [...random, ...new Array<"hedge">(150).fill("hedge")];
        let budget = newHedgeBudget(policy);
        let columns = 0;
        let hedged = 0;
        for (const one of steps) {
          if (one === "earn") {
            budget = earnHedge(budget, 12, policy);
            columns += 12;
          } else if (one === "refund" && hedged >= 1) {
            budget = refundHedge(budget, 0.25, policy);
            hedged -= 0.75;
          } else if (one === "hedge") {
            const made = decideHedge(late(), budget, policy);
            budget = made.budget;
            if (made.decision.hedge) hedged += 1;
          }
          expect(budget.tokens).toBeGreaterThanOrEqual(0);
          expect(hedged).toBeLessThanOrEqual(columns * policy.hedgeShare + policy.hedgeBurst + 1e-9);
        }
      }),
    );
  });
});
