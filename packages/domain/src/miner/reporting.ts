import type { Instant } from "./instant.js";
import type { MinerPolicy } from "./policy.js";

/** How a miner's reports come, as we see it: they come one after another, so a column waits for those before it. */
export interface Reporting {
  /** Between two reports of columns that were both waiting. */
  readonly secondsPerReport: number;
  /** The longest wait from "it has the column" to its report, forgotten slowly. */
  readonly peakLagMs: number;
  /** The last report. */
  readonly at: Instant;
}

/** Gaps weigh little each: reports come in blocks, so a single gap is a multiple of the block time or nothing. */
const GAP_WEIGHT = 0.1;

/**
 * One more report. The gap to the report before tells the miner's pace only if this column was waiting by then.
 * Law: the pace stays within what was measured and the prior; the peak never falls faster than its time constant.
 */
export function measureReporting(
  before: Reporting | null,
  placedAt: Instant,
  now: Instant,
  policy: MinerPolicy,
): Reporting {
  const lagMs = Math.max(0, now - placedAt);
  if (before === null) return { secondsPerReport: policy.secondsPerReport, peakLagMs: lagMs, at: now };
  const gapMs = Math.max(0, now - before.at);
  const stays = Math.exp(-gapMs / policy.lagTauMs);
  const peakLagMs = Math.max(lagMs, before.peakLagMs * stays + lagMs * (1 - stays));
  const at = Math.max(now, before.at);
  if (placedAt > before.at) return { ...before, peakLagMs, at };
  const gap = Math.min(policy.secondsPerReportMax, gapMs / 1000);
  return { secondsPerReport: before.secondsPerReport + GAP_WEIGHT * (gap - before.secondsPerReport), peakLagMs, at };
}

export const paceOf = (reporting: Reporting | null, policy: MinerPolicy): number =>
  reporting?.secondsPerReport ?? policy.secondsPerReport;
