import type { AccountId } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { advance, type DealEvent, type Effect } from "./advance.js";
import { type Deal, holdersOf, minersOf, openDeal, standingOf } from "./deal.js";

const miner = (n: number) => `miner-${n}` as AccountId;
const assigned = (index: number, n: number, leaseUntil = 1_000): DealEvent => ({
  kind: "assigned",
  index,
  miner: miner(n),
  leaseUntil,
  relaxations: [],
});
const hedged = (index: number, n: number, leaseUntil = 1_000): DealEvent => ({
  kind: "hedged",
  index,
  miner: miner(n),
  leaseUntil,
  relaxations: ["asn"],
});
const transferred = (index: number, n: number, reportBy = 10_000): DealEvent => ({
  kind: "transferred",
  index,
  miner: miner(n),
  reportBy,
  secondsPerFragment: 1,
});
const reported = (index: number, n: number): DealEvent => ({ kind: "reported", index, miner: miner(n), block: 7 });

function after(events: readonly DealEvent[], now = 0, deal: Deal = openDeal(0)): { deal: Deal; effects: Effect[] } {
  const effects: Effect[] = [];
  let current = deal;
  for (const event of events) {
    const advanced = advance(current, event, now);
    current = advanced.deal;
    effects.push(...advanced.effects);
  }
  return { deal: current, effects };
}
const declared: DealEvent[] = [{ kind: "declaration-begun" }, { kind: "declared", block: 5 }];
const twelve = Array.from({ length: 12 }, (_, i) => i + 1);

const wholeEvent = fc.constantFrom<DealEvent>(
  { kind: "declaration-begun" },
  { kind: "declaration-withdrawn" },
  { kind: "declared", block: 5 },
  { kind: "vanished" },
  { kind: "resumed" },
  { kind: "time-passed" },
  { kind: "failed", failure: { code: "X", reason: "x" } },
  { kind: "activated", block: 9, miners: null },
  { kind: "activated", block: 9, miners: twelve.map(miner) },
);
const columnEvent = fc
  .record({
    kind: fc.constantFrom(
      "assigned",
      "transferred",
      "refused",
      "reported",
      "postponed",
      "lease-renewed",
      "hedged",
      "patience-extended",
    ),
    index: fc.integer({ min: 0, max: 13 }),
    n: fc.integer({ min: 1, max: 16 }),
    until: fc.integer({ min: 0, max: 2_000 }),
  })
  .map(({ kind, index, n, until }): DealEvent => {
    switch (kind) {
      case "assigned":
        return assigned(index, n, until);
      case "transferred":
        return transferred(index, n, until);
      case "refused":
        return { kind: "refused", index, miner: miner(n), code: "MINER_REFUSED", notBefore: until };
      case "postponed":
        return { kind: "postponed", index, notBefore: until };
      case "lease-renewed":
        return { kind: "lease-renewed", index, miner: miner(n), leaseUntil: until };
      case "hedged":
        return hedged(index, n, until);
      case "patience-extended":
        return { kind: "patience-extended", index, miner: miner(n), reportBy: until };
      default:
        return { kind: "reported", index, miner: miner(n), block: 7, isTwin: until % 2 === 0 };
    }
  });
/** Mostly of columns, or few storms would get beyond the declaration. */
const anyEvent: fc.Arbitrary<DealEvent> = fc.oneof(
  { arbitrary: wholeEvent, weight: 1 },
  { arbitrary: columnEvent, weight: 8 },
);
const anyStart = fc.constantFrom(openDeal(0), after(declared).deal);

describe("a deal", () => {
  it("goes from opened to active, and tells each step once", () => {
    const events = [
      ...declared,
      ...twelve.map((i) => assigned(i, i)),
      ...twelve.map((i) => transferred(i, i)),
      ...twelve.map((i) => reported(i, i)),
      { kind: "activated", block: 9, miners: twelve.map(miner) } as const,
    ];
    const { deal, effects } = after(events);
    expect(standingOf(deal)).toEqual({
      state: "active",
      placedColumns: 12,
      reportedColumns: 12,
      activeBlock: 9,
      failure: null,
    });
    // declaring, placing, twelve placed, twelve reported, active.
    expect(effects.filter((one) => one.do === "announce")).toHaveLength(2 + 12 + 12 + 1);
    expect(effects.filter((one) => one.do === "judge" && one.observation.kind === "reported")).toHaveLength(12);
  });

  it("keeps its laws in any storm of events", () => {
    fc.assert(
      fc.property(
        anyStart,
        fc.array(fc.tuple(anyEvent, fc.integer({ min: 0, max: 300 })), { maxLength: 120 }),
        (start, steps) => {
          let deal = start;
          let now = 0;
          for (const [event, pause] of steps) {
            now += pause;
            const before = deal;
            const { deal: next, effects } = advance(deal, event, now);
            deal = next;
            expect(deal.columns.map(({ index }) => index)).toEqual(twelve);
            expect(new Set(holdersOf(deal)).size).toBe(holdersOf(deal).length);
            if (before.state === "active") expect(deal).toBe(before);
            const wasTold = effects.some((one) => one.do === "announce");
            expect(wasTold).toBe(JSON.stringify(standingOf(before)) !== JSON.stringify(standingOf(deal)));
            for (const [i, column] of deal.columns.entries()) {
              const was = before.columns[i];
              // What the chain has, only the loss of the whole order takes away.
              if (was?.state === "reported" && column.state !== "reported") {
                expect(["vanished", "resumed"]).toContain(event.kind);
              }
            }
            const ended = effects.filter((one) => one.do === "end-attempt" && one.outcome !== "reported");
            const opened = effects.filter((one) => one.do === "open-attempt");
            const inUse = (one: Deal) =>
              one.columns.flatMap((column) => (column.state === "sending" ? minersOf(column) : [])).length;
            if (opened.length > 0) expect(inUse(deal)).toBe(inUse(before) + 1);
            expect(ended.length).toBeLessThanOrEqual(12);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("does nothing the second time it hears the same", () => {
    fc.assert(
      fc.property(anyStart, fc.array(anyEvent, { maxLength: 60 }), anyEvent, (start, history, event) => {
        const { deal } = after(history, 100, start);
        const once = advance(deal, event, 100);
        if (event.kind === "assigned" || event.kind === "vanished" || event.kind === "resumed") return;
        const twice = advance(once.deal, event, 100);
        expect(twice.deal).toEqual(once.deal);
        expect(twice.effects).toEqual([]);
      }),
    );
  });

  it("takes a column back when the report is missed, marks the miner, and accepts the report when it comes late", () => {
    const { deal } = after([...declared, assigned(3, 1), transferred(3, 1, 500)]);
    expect(advance(deal, { kind: "time-passed" }, 499).effects).toEqual([]);
    const missed = advance(deal, { kind: "time-passed" }, 500);
    expect(missed.deal.columns[2]?.state).toBe("pending");
    expect(missed.effects).toContainEqual({ do: "judge", miner: miner(1), observation: { kind: "report-missed" } });
    const other = after([assigned(3, 2), transferred(3, 2)], 600, missed.deal);
    const late = advance(other.deal, reported(3, 1), 700);
    expect(late.deal.columns[2]).toMatchObject({ state: "reported", miner: miner(1) });
    expect(late.effects).toContainEqual({ do: "end-attempt", index: 3, miner: miner(2), outcome: "OVERTAKEN" });
    expect(late.effects.filter((one) => one.do === "judge")).toEqual([
      { do: "judge", miner: miner(1), observation: { kind: "reported" } },
    ]);
    const inTime = after([...declared, assigned(3, 1), transferred(3, 1, 500)], 40);
    expect(advance(inTime.deal, reported(3, 1), 300).effects).toContainEqual({
      do: "judge",
      miner: miner(1),
      observation: { kind: "reported", placedAt: 40 },
    });
  });

  it("frees the column that a miner was on when it reports another", () => {
    const { deal } = after([...declared, assigned(1, 1), transferred(1, 1), assigned(2, 2), transferred(2, 2)]);
    const { deal: next, effects } = advance(deal, reported(2, 1), 10);
    expect(next.columns[1]).toMatchObject({ state: "reported", miner: miner(1) });
    expect(next.columns[0]).toMatchObject({ state: "pending", notBefore: 10 });
    expect(effects.filter((one) => one.do === "end-attempt" && one.outcome === "OVERTAKEN")).toHaveLength(2);
  });

  it("lets two miners change places when one reports the other's equal column", () => {
    const { deal } = after([
      ...declared,
      assigned(1, 1),
      transferred(1, 1, 111),
      assigned(2, 2),
      transferred(2, 2, 222),
    ]);
    const { deal: next, effects } = advance(
      deal,
      { kind: "reported", index: 2, miner: miner(1), block: 7, isTwin: true },
      10,
    );
    expect(next.columns[1]).toMatchObject({ state: "reported", miner: miner(1) });
    expect(next.columns[0]).toMatchObject({ state: "placed", miner: miner(2), reportBy: 222 });
    expect(effects.map((one) => one.do)).toEqual(["exchange-attempts", "end-attempt", "judge", "announce"]);
  });

  it("does not listen to a sender that has lost its column", () => {
    const { deal } = after([...declared, assigned(1, 1, 100)]);
    const lapsed = advance(deal, { kind: "time-passed" }, 100).deal;
    const { deal: again } = after([assigned(1, 2)], 100, lapsed);
    expect(advance(again, transferred(1, 1), 200)).toEqual({ deal: again, effects: [] });
  });

  it("gives a hedged column to the miner that has it first, and blames the other for nothing", () => {
    const { deal } = after([...declared, assigned(4, 1), hedged(4, 2), assigned(5, 3)]);
    expect(holdersOf(deal)).toEqual([miner(1), miner(2), miner(3)]);
    const { deal: next, effects } = advance(deal, transferred(4, 2), 60);
    expect(next.columns[3]).toMatchObject({ state: "placed", miner: miner(2), attempts: 2, relaxations: ["asn"] });
    expect(effects).toContainEqual({ do: "end-attempt", index: 4, miner: miner(1), outcome: "HEDGE_LOST" });
    expect(effects.flatMap((one) => (one.do === "judge" ? [one.miner] : []))).toEqual([miner(2)]);
    expect(advance(next, transferred(4, 1), 61)).toEqual({ deal: next, effects: [] });
  });

  it("hedges once, and never with a miner that holds a column of the file", () => {
    const { deal } = after([...declared, assigned(4, 1), assigned(5, 2)]);
    for (const n of [1, 2]) expect(advance(deal, hedged(4, n), 5).deal).toBe(deal);
    const once = advance(deal, hedged(4, 3), 5).deal;
    expect(advance(once, hedged(4, 7), 5).deal).toBe(once);
  });

  it("goes on with the miner that remains when one of two fails, or lets its lease run out", () => {
    const { deal } = after([...declared, assigned(4, 1, 100), hedged(4, 2, 200)]);
    const refusal: DealEvent = { kind: "refused", index: 4, miner: miner(1), code: "MINER_REFUSED", notBefore: 9 };
    const rival = { state: "sending", miner: miner(2), leaseUntil: 200 };
    expect(advance(deal, refusal, 60).deal.columns[3]).toMatchObject(rival);
    const lapsed = advance(deal, { kind: "time-passed" }, 100);
    expect(lapsed.deal.columns[3]).toMatchObject(rival);
    expect(lapsed.effects).toEqual([{ do: "end-attempt", index: 4, miner: miner(1), outcome: "LEASE_LAPSED" }]);
    expect(advance(deal, { kind: "time-passed" }, 200).deal.columns[3]?.state).toBe("pending");
    const renewed = after([{ kind: "lease-renewed", index: 4, miner: miner(2), leaseUntil: 300 }], 60, deal).deal;
    expect(advance(renewed, { kind: "time-passed" }, 200).deal.columns[3]).toMatchObject({ miner: miner(2) });
    const { deal: reportedByRival } = advance(deal, reported(4, 2), 50);
    expect(reportedByRival.columns[3]).toMatchObject({ state: "reported", miner: miner(2), relaxations: ["asn"] });
    const { deal: elsewhere } = advance(deal, reported(7, 2), 50);
    expect(elsewhere.columns[3]).toMatchObject({ state: "sending", miner: miner(1) });
  });

  it("waits longer for a report where patience was extended, and never shorter", () => {
    const { deal } = after([...declared, assigned(3, 1), transferred(3, 1, 500)]);
    const extend = (reportBy: number): DealEvent => ({
      kind: "patience-extended",
      index: 3,
      miner: miner(1),
      reportBy,
    });
    const longer = advance(deal, extend(900), 400).deal;
    expect(advance(longer, { kind: "time-passed" }, 899).deal).toBe(longer);
    expect(advance(longer, { kind: "time-passed" }, 900).deal.columns[2]?.state).toBe("pending");
    expect(advance(deal, extend(100), 0).deal.columns[2]).toMatchObject({ reportBy: 500 });
  });

  it("starts over, without blame, when its order is gone from the chain", () => {
    const { deal } = after([...declared, assigned(1, 1), transferred(1, 1), reported(2, 2)]);
    const { deal: next, effects } = advance(deal, { kind: "vanished" }, 50);
    expect(standingOf(next)).toMatchObject({ state: "opened", placedColumns: 0, reportedColumns: 0 });
    expect(effects.some((one) => one.do === "judge")).toBe(false);
  });
});
