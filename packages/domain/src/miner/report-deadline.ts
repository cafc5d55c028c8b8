/** How long a miner may take for its report, once it holds the whole column. */
export interface ReportPatience {
  /** Its poll, one block, finality. */
  readonly baseMs: number;
  /** For each of our columns that waits at that miner already: it reports one after another. */
  readonly perColumnMs: number;
  readonly maxMs: number;
}

/** Stretches with the queue: a short fixed deadline re-sends the columns of honest, busy miners, and feeds the overload. */
export const reportPatienceMs = (unreported: number, patience: ReportPatience): number =>
  Math.min(patience.maxMs, patience.baseMs + patience.perColumnMs * Math.max(0, unreported));
