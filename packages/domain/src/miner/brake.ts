import type { Instant } from "./instant.js";
import type { MinerPolicy } from "./policy.js";
import { decayed, type Evidence } from "./reputation.js";
import { earn, fullBucket, spend, type TokenBucket } from "./token-bucket.js";

/** How much may still be sent again because reports did not come. */
export interface Brake {
  readonly bucket: TokenBucket;
  readonly at: Instant;
}

export const newBrake = (now: Instant, policy: MinerPolicy): Brake => ({
  bucket: fullBucket(policy.brakeBurst),
  at: now,
});

/** Columns came to their miners whole: traffic earns, so that a busy gateway may send more again than a quiet one. */
export function earnBrake(brake: Brake, columns: number, now: Instant, policy: MinerPolicy): Brake {
  const { bucket, at } = brakeAt(brake, now, policy);
  return { bucket: { tokens: bucket.tokens + columns * policy.brakeShare }, at };
}

/**
 * Time fills the bucket up to the burst. What traffic has earned beyond it fades: it is there for the reports of what was
 * placed lately, which all come due at once where nobody is known yet, and not for those of a whole day.
 */
function brakeAt({ bucket, at }: Brake, now: Instant, policy: MinerPolicy): Brake {
  const elapsedMs = Math.max(0, now - at);
  const beyond = bucket.tokens - policy.brakeBurst;
  const tokens =
    beyond > 0
      ? policy.brakeBurst + beyond * Math.exp(-elapsedMs / policy.brakeFadeMs)
      : earn(bucket, (elapsedMs / 60_000) * policy.brakePerMinute, policy.brakeBurst).tokens;
  return { bucket: { tokens }, at: Math.max(now, at) };
}

/**
 * What it costs to call a miner's silence a broken promise: little for one that never kept any, all of a token for one
 * that has been reporting. Many honest miners falling silent at once is a slow chain; many liars are only liars.
 */
export function brakeCharge(evidence: Evidence, now: Instant, policy: MinerPolicy): number {
  const { kept } = decayed(evidence, now, policy);
  return policy.brakeLeastCharge + (1 - policy.brakeLeastCharge) * (kept / (kept + 1));
}

export type BrakeDecision =
  | { readonly resend: true; readonly charge: number }
  /** Wait for the report until then: the chain is likelier to be slow than the miners to lie. */
  | { readonly resend: false; readonly charge: number; readonly reportBy: Instant };

/**
 * Whether a column whose report is overdue goes to another miner, or is waited for longer.
 *
 * Law: re-sending feeds the overload that delays reports, so in all it is bounded: by a share of what is placed, plus a
 * little by the minute, plus a burst; and at once, by the burst and that share of what was placed lately.
 */
export function decideResend(
  overdue: { readonly evidence: Evidence; readonly patienceMs: number },
  brake: Brake,
  now: Instant,
  policy: MinerPolicy,
): { readonly decision: BrakeDecision; readonly brake: Brake } {
  const refilled = brakeAt(brake, now, policy);
  const charge = brakeCharge(overdue.evidence, now, policy);
  const left = spend(refilled.bucket, charge);
  if (left !== null) return { decision: { resend: true, charge }, brake: { ...refilled, bucket: left } };
  const reportBy = now + Math.ceil(overdue.patienceMs * policy.brakeStretch);
  return { decision: { resend: false, charge, reportBy }, brake: refilled };
}
