import { sampleBeta } from "./chance.js";
import type { Instant, Random } from "./instant.js";
import type { MinerPolicy } from "./policy.js";

/**
 * What a miner has shown us: promises kept (α) and broken (β), as they weighed at `at`.
 *
 * Law: evidence halves every `evidenceHalfLifeMs`, however it is cut into steps:
 *   weight(t) = weight(at) · 2^(−(t − at) / halfLife)
 * so silence forgets, and a miner that was mended comes back by itself. The belief that follows is
 * Beta(α + priorKept, β + priorBroken), whose mean lies strictly between 0 and 1.
 */
export interface Evidence {
  readonly kept: number;
  readonly broken: number;
  readonly at: Instant;
}

export const noEvidence = (at: Instant): Evidence => ({ kept: 0, broken: 0, at });

/** The evidence as it weighs at `now`. A clock that went backwards changes nothing. */
export function decayed(evidence: Evidence, now: Instant, policy: MinerPolicy): Evidence {
  const elapsedMs = now - evidence.at;
  if (elapsedMs <= 0) return evidence;
  const left = weightAfter(elapsedMs, policy);
  return { kept: evidence.kept * left, broken: evidence.broken * left, at: now };
}

/** What is left after `elapsedMs` of evidence that weighed 1. */
export const weightAfter = (elapsedMs: number, policy: MinerPolicy): number =>
  2 ** (-Math.max(0, elapsedMs) / policy.evidenceHalfLifeMs);

/** Adds to what is left of the evidence; taking back more than there is leaves nothing, not a debt. */
export function weigh(
  evidence: Evidence,
  change: { readonly kept: number; readonly broken: number },
  now: Instant,
  policy: MinerPolicy,
): Evidence {
  const current = decayed(evidence, now, policy);
  return {
    kept: Math.max(0, current.kept + change.kept),
    broken: Math.max(0, current.broken + change.broken),
    at: current.at,
  };
}

/** Expected share of promises kept, in (0, 1). */
export function trustOf(evidence: Evidence, now: Instant, policy: MinerPolicy): number {
  const { kept, broken } = decayed(evidence, now, policy);
  const good = kept + policy.priorKept;
  return good / (good + broken + policy.priorBroken);
}

/** A draw from the belief: miners of which little is known are tried more often than their mean alone would have it. */
export function drawTrust(evidence: Evidence, now: Instant, random: Random, policy: MinerPolicy): number {
  const { kept, broken } = decayed(evidence, now, policy);
  return sampleBeta(kept + policy.priorKept, broken + policy.priorBroken, random);
}

/** Seconds that a miner takes for a fragment: a peak-sensitive moving average. */
export interface Speed {
  readonly secondsPerFragment: number;
  readonly at: Instant;
}

/** A slower measurement counts at once, a faster one only as the old one fades: a miner in trouble is seen immediately. */
export function measure(speed: Speed | null, seconds: number, now: Instant, policy: MinerPolicy): Speed {
  if (speed === null || seconds >= speed.secondsPerFragment) return { secondsPerFragment: seconds, at: now };
  const stays = Math.exp(-Math.max(0, now - speed.at) / policy.speedTauMs);
  return { secondsPerFragment: speed.secondsPerFragment * stays + seconds * (1 - stays), at: now };
}
