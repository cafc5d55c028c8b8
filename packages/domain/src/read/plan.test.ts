import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Candidate, nextStep, planRead, type ReadPlan, type ReadProgress } from "./plan.js";

const candidates = (costs: readonly (number | null)[]): Candidate[] =>
  costs.map((cost, row) => ({ row, cost: cost ?? 1, isAvailable: cost !== null }));
const planOf = (costs: readonly (number | null)[], wanted?: readonly number[]): ReadPlan => {
  const result = planRead(candidates(costs), wanted);
  if (!result.ok) throw new Error(result.error.code);
  return result.value;
};
const firstOf = ({ order, first }: ReadPlan) => order.slice(0, first);
const anyCosts = fc.array(fc.option(fc.integer({ min: 1, max: 100 }), { freq: 4 }), { minLength: 12, maxLength: 12 });
const anyWanted = fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 });

describe("the plan of a read", () => {
  it("takes the data fragments where they cost as much as others", () => {
    expect(firstOf(planOf(Array(12).fill(5))).sort()).toEqual([0, 1, 2, 3]);
  });

  it("takes a data fragment up to half dearer, and no dearer one", () => {
    expect(firstOf(planOf([15, 15, 15, 15, ...Array(8).fill(10)])).sort()).toEqual([0, 1, 2, 3]);
    expect(firstOf(planOf([15, 15, 15, 16, ...Array(8).fill(10)])).sort()).toEqual([0, 1, 2, 4]);
  });

  it("takes the four cheapest where no data fragment can be had", () => {
    expect(firstOf(planOf([null, null, null, null, 8, 7, 6, 5, 4, 3, 2, 1]))).toEqual([11, 10, 9, 8]);
  });

  it("asks only for the wanted data fragment of a short range, and for four where it is too dear or gone", () => {
    expect(firstOf(planOf(Array(12).fill(5), [2]))).toEqual([2]);
    expect(firstOf(planOf([5, 5, 50, ...Array(9).fill(5)], [2]))).toHaveLength(4);
    expect(firstOf(planOf([5, 5, null, ...Array(9).fill(5)], [2]))).toHaveLength(4);
  });

  it("serves a wanted fragment that is here even where fewer than four are", () => {
    const plan = planOf([null, 9, ...Array(10).fill(null)], [1]);
    expect(firstOf(plan)).toEqual([1]);
    expect(nextStep(plan, { fetched: [], pending: [], failed: [1] })).toMatchObject({ do: "give-up" });
  });

  it("says how many there are where they are not enough", () => {
    expect(planRead(candidates([1, 1, 1, ...Array(9).fill(null)]))).toEqual({
      ok: false,
      error: { code: "FRAGMENTS_NOT_ENOUGH", available: 3, needed: 4 },
    });
  });

  it("keeps its law: the first round is readable, and nothing in it costs more than 1.5 times the four cheapest", () => {
    fc.assert(
      fc.property(anyCosts, anyWanted, (costs, wanted) => {
        const available = costs.filter((cost) => cost !== null);
        const hasWanted = wanted.every((row) => costs[row] !== null);
        const result = planRead(candidates(costs), wanted);
        expect(result.ok).toBe(available.length >= 4 || hasWanted);
        if (!result.ok) return;
        const first = firstOf(result.value);
        const best = [...available].sort((a, b) => a - b)[3] ?? Number.POSITIVE_INFINITY;
        expect(first.length === 4 || first.length === wanted.length).toBe(true);
        expect(first.length === 4 || wanted.every((row) => first.includes(row))).toBe(true);
        expect(Math.max(...first.map((row) => costs[row] as number))).toBeLessThanOrEqual(1.5 * best);
        expect([...result.value.order].sort((a, b) => a - b)).toEqual(
          costs.flatMap((cost, row) => (cost === null ? [] : [row])),
        );
      }),
    );
  });
});

describe("a read under way", () => {
  /** Runs a plan against miners that answer or not, with at most one answer between two looks. */
  function run(plan: ReadPlan, answers: (row: number) => boolean) {
    let progress: ReadProgress = { fetched: [], pending: [], failed: [] };
    const asked: number[] = [];
    for (;;) {
      const step = nextStep(plan, progress);
      if (step.do !== "fetch") return { end: step.do, asked, progress };
      asked.push(...step.rows);
      const pending = [...progress.pending, ...step.rows];
      const row = pending[0];
      if (row === undefined) throw new Error("waits for nothing");
      progress = {
        fetched: answers(row) ? [...progress.fetched, row] : progress.fetched,
        pending: pending.slice(1),
        failed: answers(row) ? progress.failed : [...progress.failed, row],
      };
    }
  }

  it("delivers whenever the wanted or any four can be had, gives up otherwise, and asks nobody twice", () => {
    fc.assert(
      fc.property(
        anyCosts,
        anyWanted,
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        (costs, wanted, alive) => {
          const result = planRead(candidates(costs), wanted);
          if (!result.ok) return;
          const { end, asked } = run(result.value, (row) => alive[row] as boolean);
          const good = result.value.order.filter((row) => alive[row]);
          const isEnough = good.length >= 4 || wanted.every((row) => good.includes(row));
          expect(end).toBe(isEnough ? "deliver" : "give-up");
          expect(new Set(asked).size).toBe(asked.length);
        },
      ),
    );
  });

  it("replaces each failure by the next cheapest, with eight of twelve miners dead", () => {
    const plan = planOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const { end, asked, progress } = run(plan, (row) => row >= 8);
    expect(end).toBe("deliver");
    expect(asked).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect([...progress.fetched].sort((a, b) => a - b)).toEqual([8, 9, 10, 11]);
  });

  it("asks for nothing more while all it needs is under way", () => {
    const plan = planOf(Array(12).fill(1));
    expect(nextStep(plan, { fetched: [0, 1], pending: [2, 3], failed: [] })).toEqual({ do: "fetch", rows: [] });
    const short = planOf(Array(12).fill(1), [2]);
    expect(nextStep(short, { fetched: [], pending: [2], failed: [] })).toEqual({ do: "fetch", rows: [] });
  });

  it("hedges a slow fragment, and takes whichever comes first", () => {
    const plan = planOf(Array(12).fill(1));
    const slow = { fetched: [0, 1, 2], pending: [], failed: [3] };
    expect(nextStep(plan, slow)).toEqual({ do: "fetch", rows: [4] });
    expect(nextStep(plan, { fetched: [0, 1, 2, 3], pending: [4], failed: [3] })).toEqual({ do: "deliver" });
  });

  it("gives up as soon as what is left cannot be enough, though answers are pending", () => {
    const plan = planOf([1, 1, 1, 1, 1, ...Array(7).fill(null)]);
    expect(nextStep(plan, { fetched: [2], pending: [3, 4], failed: [0, 1] })).toEqual({
      do: "give-up",
      reason: { code: "FRAGMENTS_NOT_ENOUGH", available: 3, needed: 4 },
    });
  });
});
