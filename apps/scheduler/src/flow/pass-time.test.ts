import { type Deal, type DealEvent, openDeal } from "@granary/domain/deal";
import { defaultPolicy } from "@granary/domain/miner";
import type { AccountId, UploadId } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import type { DealRecord, LockedDeal } from "../ports.js";
import { passTime } from "./pass-time.js";

const NOW = 1_700_000_000_000;
const BASE_MS = 90_000;
const report = { baseMs: BASE_MS, perColumnMs: 9_000, maxMs: 900_000 };

/** Twelve columns that are overdue, at miners that kept their word so often before, against a budget. */
async function overdue(kept: number, tokens: number) {
  const events: DealEvent[] = [];
  const columns = openDeal(NOW).columns.map((column, i) => {
    const miner = `miner-${i}` as AccountId;
    return { ...column, state: "placed" as const, miner, placedAt: NOW - BASE_MS, reportBy: NOW };
  });
  const deal: Deal = { state: "placing", declaredBlock: 1, columns };
  const locked = { record: { deal } as DealRecord, apply: (event: DealEvent) => void events.push(event) };
  let bucket = { tokens, at: NOW };
  let braked = 0;
  await passTime(
    {
      deals: {
        lapsed: async () => ["upload" as UploadId],
        tryChange: async (_, work) => await work(locked as unknown as LockedDeal),
      },
      miners: {
        reportsOf: async () => ({ unreported: 1, reporting: null, evidence: { kept, broken: 0, at: NOW } }),
      },
      budgets: {
        draw: async (_name, _capacity, decide) => {
          const { result, ...left } = decide(bucket);
          bucket = left;
          return result;
        },
      },
      observer: {
        braked() {
          braked += 1;
        },
      },
      clock: () => NOW,
    },
    { policy: defaultPolicy, report },
  );
  return { events, braked, left: bucket.tokens };
}

describe("reports that are overdue", () => {
  it("are waited for longer once the budget of all replicas is spent, and then time passes for the rest", async () => {
    const { events, braked } = await overdue(1_000, 5);
    const prolonged = events.filter(({ kind }) => kind === "patience-extended");
    expect(prolonged).toHaveLength(7);
    expect(braked).toBe(7);
    for (const event of prolonged) expect(event).toMatchObject({ reportBy: expect.any(Number) });
    expect(prolonged.every((event) => "reportBy" in event && event.reportBy > NOW)).toBe(true);
    expect(events.at(-1)).toEqual({ kind: "time-passed" });
  });

  it("of miners that never reported anything cost little, so that liars are not protected by their number", async () => {
    const { braked, left } = await overdue(0, 5);
    expect(braked).toBe(0);
    expect(left).toBeCloseTo(5 - 12 * defaultPolicy.brakeLeastCharge, 6);
  });
});
