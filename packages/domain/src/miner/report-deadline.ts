import type { Reporting } from "./reporting.js";

/** How long a miner may take for its report, once it holds the whole column. */
export interface ReportPatience {
  /** Its poll, one block, finality. */
  readonly baseMs: number;
  /** For each of our columns that waits at that miner already: it reports one after another. */
  readonly perColumnMs: number;
  readonly maxMs: number;
}

/** Slack over what was measured: a miner's next report may well be a little slower than its last ones. */
const PACE_SLACK = 1.3;
const LAG_SLACK = 1.5;

/**
 * Stretches with the queue, and with what this miner is known to need: a short fixed deadline re-sends the columns of
 * honest, busy miners, and feeds the overload.
 */
export function reportPatienceMs(
  unreported: number,
  patience: ReportPatience,
  reporting: Reporting | null = null,
): number {
  const paceMs = reporting === null ? 0 : reporting.secondsPerReport * 1000 * PACE_SLACK;
  const queueMs = Math.max(patience.perColumnMs, paceMs) * Math.max(0, unreported);
  const seenMs = reporting === null ? 0 : reporting.peakLagMs * LAG_SLACK;
  return Math.min(patience.maxMs, Math.max(patience.baseMs + queueMs, seenMs));
}
