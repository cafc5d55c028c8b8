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

/**
 * A single gap says little: reports come in blocks, and the longest gaps are a miner's pauses between looking for work,
 * not its pace. So short gaps count for more than long ones; where all gaps are long, the pace follows them too.
 */
const SHORTER_GAP_WEIGHT = 0.15;
const LONGER_GAP_WEIGHT = 0.02;

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
  const weight = gap < before.secondsPerReport ? SHORTER_GAP_WEIGHT : LONGER_GAP_WEIGHT;
  return { secondsPerReport: before.secondsPerReport + weight * (gap - before.secondsPerReport), peakLagMs, at };
}

export const paceOf = (reporting: Reporting | null, policy: MinerPolicy): number =>
  reporting?.secondsPerReport ?? policy.secondsPerReport;
