import { type Cooldown, endRest, noCooldown, phaseOf, rest } from "./cooldown.js";
import type { Instant, Random } from "./instant.js";
import { type Observation, type Penalty, penaltyOf } from "./penalty.js";
import type { MinerPolicy } from "./policy.js";
import { measureReporting, type Reporting } from "./reporting.js";
import { type Evidence, measure, noEvidence, type Speed, weigh, weightAfter } from "./reputation.js";

/** All that we have learnt of a miner by dealing with it. */
export interface Experience {
  readonly evidence: Evidence;
  readonly speed: Speed | null;
  readonly cooldown: Cooldown;
  /** Null until its first report. */
  readonly reporting: Reporting | null;
  /** Why nothing is given to it until a person releases it; null when it is not in quarantine. */
  readonly quarantine: string | null;
}

export const noExperience = (at: Instant): Experience => ({
  evidence: noEvidence(at),
  speed: null,
  cooldown: noCooldown,
  reporting: null,
  quarantine: null,
});

export interface Circumstances {
  readonly now: Instant;
  readonly random: Random;
  /** So many miners fail at once that the fault is ours: failures mark nobody. */
  readonly isOursTheFault: boolean;
  /** So many miners rest already that failed transfers send nobody more to rest. */
  readonly isPoolCrowded: boolean;
}

/** What we think of a miner after one more observation. */
export function judge(
  before: Experience,
  observation: Observation,
  circumstances: Circumstances,
  policy: MinerPolicy,
): Experience {
  if (circumstances.isOursTheFault && isFailure(observation)) return before;
  const { now } = circumstances;
  const penalty = penaltyOf(observation);
  return {
    evidence: weigh(before.evidence, weightsOf(observation, penalty, now, policy), now, policy),
    speed:
      observation.kind === "transferred" || observation.kind === "outrun"
        ? measure(before.speed, observation.secondsPerFragment, now, policy)
        : before.speed,
    cooldown: nextCooldown(before.cooldown, observation, penalty, circumstances, policy),
    reporting: nextReporting(before.reporting, observation, now, policy),
    quarantine: observation.kind === "corrupt" ? observation.reason : before.quarantine,
  };
}

function nextReporting(before: Reporting | null, observation: Observation, now: Instant, policy: MinerPolicy) {
  if (observation.kind !== "reported" && observation.kind !== "report-late") return before;
  return observation.placedAt === undefined ? before : measureReporting(before, observation.placedAt, now, policy);
}

const isFailure = (observation: Observation): boolean =>
  observation.kind === "failed" ||
  observation.kind === "report-missed" ||
  observation.kind === "probe-failed" ||
  observation.kind === "outrun";

/** A penalty is given back as it weighs by now, so that the two cancel out exactly. */
function weightsOf(observation: Observation, penalty: Penalty, now: Instant, policy: MinerPolicy) {
  if (observation.kind !== "report-late") return penalty;
  return { kept: penalty.kept, broken: penalty.broken * weightAfter(now - observation.missedAt, policy) };
}

function nextCooldown(
  before: Cooldown,
  observation: Observation,
  penalty: Penalty,
  circumstances: Circumstances,
  policy: MinerPolicy,
): Cooldown {
  const { now, random, isPoolCrowded } = circumstances;
  const failuresInRow = { count: before.failuresInRow + 1, reset: 0, keep: before.failuresInRow }[
    penalty.failuresInRow
  ];
  const stepped = { ...before, failuresInRow, exponent: Math.max(0, before.exponent + penalty.steps) };
  if (observation.kind === "reported" || observation.kind === "report-late") return endRest(stepped);
  if (penalty.cooldown === "at-once") return rest(stepped, now, random, policy);
  if (penalty.cooldown === "none") return stepped;
  const failedItsProbe = phaseOf(before, now) === "half-open";
  const hasFailedEnough = failuresInRow >= policy.failuresToCooldown;
  if ((failedItsProbe || hasFailedEnough) && !isPoolCrowded) {
    return rest({ ...stepped, exponent: stepped.exponent + 1 }, now, random, policy);
  }
  return stepped;
}
