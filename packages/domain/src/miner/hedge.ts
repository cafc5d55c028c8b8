import type { Instant } from "./instant.js";
import type { MinerPolicy } from "./policy.js";
import { earn, fullBucket, spend, type TokenBucket } from "./token-bucket.js";

/** A column on its way, among the others of its file. */
export interface HedgeSituation {
  readonly now: Instant;
  /** When its miner was given it. */
  readonly startedAt: Instant;
  /** A second miner is being sent it already. */
  readonly hasRival: boolean;
  readonly columns: number;
  /** What this miner was expected to take when it was chosen (its score's `transferSeconds`); null where not known. */
  readonly expectedSeconds: number | null;
  /** Seconds that the file's columns took which are with their miners. */
  readonly arrivedSeconds: readonly number[];
}

export type HedgeDecision =
  | { readonly hedge: true; readonly afterSeconds: number }
  | { readonly hedge: false; readonly why: "has-rival" | "too-few-arrived" | "no-budget" }
  | { readonly hedge: false; readonly why: "too-soon"; readonly at: Instant };

/** Tokens are columns: one spent buys the sending of one column a second time. */
export const newHedgeBudget = (policy: MinerPolicy): TokenBucket => fullBucket(policy.hedgeBurst);

/** Every column that is sent earns the right to send a small share of one again. */
export const earnHedge = (budget: TokenBucket, columns: number, policy: MinerPolicy): TokenBucket =>
  earn(budget, columns * policy.hedgeShare, policy.hedgeBurst);

/** The loser of the race was broken off: what was not sent of it was not spent. `sentShare` in [0, 1]. */
export const refundHedge = (budget: TokenBucket, sentShare: number, policy: MinerPolicy): TokenBucket =>
  earn(budget, 1 - Math.min(1, Math.max(0, sentShare)), policy.hedgeBurst);

/**
 * Whether a column that is late is sent to a second miner too; the first to have it whole keeps it.
 *
 * Laws: never while fewer than half of the file's columns have arrived, because then it is not this miner that is slow;
 * never a third miner; in all at most `hedgeShare` of what is sent, plus `hedgeBurst` columns.
 */
export function decideHedge(
  situation: HedgeSituation,
  budget: TokenBucket,
  policy: MinerPolicy,
): { readonly decision: HedgeDecision; readonly budget: TokenBucket } {
  const refuse = (decision: HedgeDecision) => ({ decision, budget });
  if (situation.hasRival) return refuse({ hedge: false, why: "has-rival" });
  if (situation.arrivedSeconds.length < situation.columns * policy.hedgeArrivedShare) {
    return refuse({ hedge: false, why: "too-few-arrived" });
  }
  const afterSeconds = hedgeAfterSeconds(situation.arrivedSeconds, situation.expectedSeconds, policy);
  const at = situation.startedAt + Math.ceil(afterSeconds * 1000);
  if (situation.now < at) return refuse({ hedge: false, why: "too-soon", at });
  const left = spend(budget, 1);
  if (left === null) return refuse({ hedge: false, why: "no-budget" });
  return { decision: { hedge: true, afterSeconds }, budget: left };
}

/**
 * A multiple of what the file's other columns typically took, and of what this miner was expected to take: a miner that
 * is known to be slow and was chosen all the same is not late, and the budget is for those that are.
 */
export function hedgeAfterSeconds(
  arrivedSeconds: readonly number[],
  expectedSeconds: number | null,
  policy: MinerPolicy,
): number {
  const sorted = [...arrivedSeconds].sort((a, b) => a - b);
  const typical = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const late = Math.max(policy.hedgeFactor * typical, policy.hedgeExpectedFactor * (expectedSeconds ?? 0));
  return Math.min(policy.hedgeMostSeconds, Math.max(policy.hedgeLeastSeconds, late));
}
