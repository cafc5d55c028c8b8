import { between } from "./chance.js";
import type { Instant, Random } from "./instant.js";
import type { MinerPolicy } from "./policy.js";

/**
 * Where a miner stands between use and rest.
 *
 *   closed ──failures──► open (until) ──time──► half-open ──kept promise──► closed
 *                          ▲                        │
 *                          └───────failure──────────┘
 *
 * Law: while it is open nothing is sent; while it is half open one column at a time is.
 */
export interface Cooldown {
  readonly failuresInRow: number;
  /** Steps on the ladder of lengths; the n-th rest lasts base · 2^(n−1), at most the maximum, shortened by chance. */
  readonly exponent: number;
  /** Null when the miner is in full use. */
  readonly until: Instant | null;
}

export type CooldownPhase = "closed" | "open" | "half-open";

export const noCooldown: Cooldown = { failuresInRow: 0, exponent: 0, until: null };

export function phaseOf(cooldown: Cooldown, now: Instant): CooldownPhase {
  if (cooldown.until === null) return "closed";
  return now < cooldown.until ? "open" : "half-open";
}

/** Longest rest at a step of the ladder. */
export const cooldownLengthMs = (exponent: number, policy: MinerPolicy): number =>
  Math.min(policy.cooldownMaxMs, policy.cooldownBaseMs * 2 ** Math.max(0, exponent - 1));

/** Begins a rest, its length between half and all of what the ladder says, so that miners do not return in a herd. */
export function rest(cooldown: Cooldown, now: Instant, random: Random, policy: MinerPolicy): Cooldown {
  const exponent = Math.max(1, cooldown.exponent);
  const lengthMs = cooldownLengthMs(exponent, policy) * between(0.5, 1, random);
  // A rest that is under way is never shortened by another failure.
  const until = Math.max(cooldown.until ?? 0, Math.ceil(now + lengthMs));
  return { failuresInRow: 0, exponent, until };
}

/** One kept promise ends the rest, also one that is still under way. */
export const endRest = (cooldown: Cooldown): Cooldown => ({ ...cooldown, failuresInRow: 0, until: null });
