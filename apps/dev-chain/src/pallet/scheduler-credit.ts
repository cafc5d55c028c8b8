import type { Hex } from "../engine/codec.js";
import type { Context, Pallet } from "../engine/dispatch.js";
import { storedMap } from "../engine/storage.js";
import { workers } from "./attestation.js";

const name = "SchedulerCredit";
/** Blocks of one period of reckoning. */
const periodBlocks = 3600;
/** Periods whose values are kept. */
const historyPeriods = 5;
const fullCredit = 1000n;
const MiB = 1n << 20n;
const GiB = 1n << 30n;

interface Counter {
  readonly proceedBlockSize: bigint;
  readonly punishmentCount: number;
}
export const counters = storedMap<[Hex], Counter>(name, "CurrentCounters");
export const credits = storedMap<[number, Hex], number>(name, "HistoryCreditValues");

/** Points for each begun unit of space that a worker dealt with. */
const points = {
  tag: { unit: 16n * MiB, points: 180n },
  certify: { unit: 16n * GiB, points: 4n },
  replace: { unit: 64n * MiB, points: 1n },
  verify: { unit: 16n * GiB, points: 1n },
} as const;

/** Credits the stash behind a worker; a worker without one works for nothing. */
export function creditWork(context: Context, worker: Hex, work: keyof typeof points, space: bigint): void {
  const stash = workers.find(context.state, worker)?.stashAccount;
  if (stash == null) return;
  const { unit, points: each } = points[work];
  const counter = counters.get(context.state, stash);
  const earned = ((space + unit - 1n) / unit) * each;
  counters.put(context.state, stash, { ...counter, proceedBlockSize: counter.proceedBlockSize + earned });
}

/** A stash's part of all points, in thousandths, less the square of ten times its punishments. */
function creditOf({ proceedBlockSize, punishmentCount }: Counter, total: bigint): number {
  if (total === 0n) return 0;
  const part = Number((proceedBlockSize * fullCredit) / total);
  return Math.max(0, part - (10 * punishmentCount) ** 2);
}

/** At the end of a period its points become credit values, and counting begins anew. */
function closePeriod(context: Context): void {
  if (context.block % periodBlocks !== 0) return;
  const period = Math.max(0, context.block / periodBlocks - 1);
  const counted = counters
    .lastParts<Hex>(context.state)
    .map((stash) => ({ stash, counter: counters.get(context.state, stash) }));
  const total = counted.reduce((sum, { counter }) => sum + counter.proceedBlockSize, 0n);
  for (const { stash, counter } of counted) {
    credits.put(context.state, period, stash, creditOf(counter, total));
    counters.remove(context.state, stash);
  }
  if (period < historyPeriods) return;
  const outdated = period - historyPeriods;
  for (const stash of credits.lastParts<Hex>(context.state, outdated)) credits.remove(context.state, outdated, stash);
}

export const schedulerCredit: Pallet = { name, calls: {}, initialize: closePeriod };
