import type { Instant, Random } from "./instant.js";
import type { Experience } from "./judge.js";
import type { MinerPolicy } from "./policy.js";
import { paceOf } from "./reporting.js";
import { drawTrust, trustOf } from "./reputation.js";

/** Our columns at a miner at this moment. */
export interface Load {
  /** On the way to it. */
  readonly inflight: number;
  /** There, and not yet reported on chain. */
  readonly unreported: number;
}

/** Why a miner ranks where it does. All in seconds, but the two shares. */
export interface Score {
  /** Mean of the belief in it. */
  readonly trust: number;
  /** The draw from that belief that was used. */
  readonly drawnTrust: number;
  /** Until the column would be there, behind what is on the way already. */
  readonly transferSeconds: number;
  /** Until its earlier columns are reported: it reports one after another. */
  readonly queueSeconds: number;
  /** Expected time to a report, failed tries included. The least wins. */
  readonly cost: number;
}

/**
 * Let E be the seconds of one try, θ the chance that it succeeds, F the seconds that a failed try costs. Charging E for
 * failed tries too, the expected time to success is (E + (1 − θ) · F) / θ.
 *
 * E counts unreported columns as a queue: a scheduler that looks at transfer times alone herds onto the fastest miners
 * until their reports take longest of all.
 */
export function scoreOf(
  miner: Experience & Load,
  fragments: number,
  context: { readonly now: Instant; readonly random: Random },
  policy: MinerPolicy,
): Score {
  const perFragment = miner.speed?.secondsPerFragment ?? policy.priorSecondsPerFragment;
  const transferSeconds = perFragment * fragments * (miner.inflight + 1);
  const queueSeconds = paceOf(miner.reporting, policy) * miner.unreported;
  const drawnTrust = drawTrust(miner.evidence, context.now, context.random, policy);
  return {
    trust: trustOf(miner.evidence, context.now, policy),
    drawnTrust,
    transferSeconds,
    queueSeconds,
    cost: (transferSeconds + queueSeconds + (1 - drawnTrust) * policy.failureSeconds) / drawnTrust,
  };
}
