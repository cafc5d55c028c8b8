import { describe, expect, it } from "@jest/globals";
import { type CellResult, runCell } from "./cell.js";
import { cellOf } from "./plan.js";
import { policyNames } from "./policy/index.js";
import type { Population } from "./population.js";

const small = { miners: 120, load: 0.05, seconds: 240, warmUpSeconds: 0 } as const;

/** Real time that jumps about: what it says must change nothing. */
const clock = () => performance.now() * 1e6;
const run = (more: Partial<Parameters<typeof cellOf>[0]> = {}): CellResult =>
  runCell(cellOf({ ...small, policy: "granary", ...more }), clock);
const withoutTimes = ({ outcome: { decisionMicros: _, ...outcome }, traceHash }: CellResult) => ({
  outcome,
  traceHash,
});

describe("a simulation", () => {
  it("ends with the same trace, and the same numbers, for the same seed, whatever the policy", () => {
    for (const policy of policyNames) {
      const cell = { policy, seconds: 60 } as const;
      expect(withoutTimes(run(cell))).toEqual(withoutTimes(run(cell)));
    }
  });

  it("ends with another trace for another seed", () => {
    expect(run({ seed: 2 }).traceHash).not.toBe(run().traceHash);
  });

  it("has every policy place all files, and brings all of ours to active", () => {
    for (const policy of policyNames) {
      const { outcome } = run({ policy, seconds: 60 });
      expect(outcome.files).toBeGreaterThan(20);
      expect(outcome.placed.p50).toBeGreaterThan(0);
      expect(outcome.active.p95).toBeGreaterThan(outcome.placed.p95 as number);
    }
    const { outcome } = run();
    expect(outcome.unfinished).toBe(0);
  });

  it("finds no violation of diversity in ours that is not recorded, in any population", () => {
    const troubled: Population[] = ["base", "outage", "sybil-33", "turncoats", "flapping"];
    for (const population of troubled) expect(run({ population }).outcome.diversityViolations).toBe(0);
    expect(run({ policy: "random" }).outcome.diversityViolations).toBeGreaterThan(0);
  });

  it("holds hedges and mistaken re-sending within their bounds", () => {
    const { outcome } = run();
    expect(outcome.hedgeWaste).toBeLessThan(0.03);
    expect(outcome.falseRedispatch).toBeLessThan(0.005);
  });

  it("lets several gateways share the miners, knowing of each other by the chain or not at all", () => {
    for (const readsForeignDeals of [true, false]) {
      const { outcome } = run({ gateways: 4, readsForeignDeals });
      expect(outcome.unfinished).toBe(0);
    }
  });
});
