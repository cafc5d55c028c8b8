import { cooldownLengthMs, phaseOf } from "./cooldown.js";
import type { Experience } from "./judge.js";
import type { MinerPolicy } from "./policy.js";
import { type Applicant, type Filter, neededBytes, type Refusal } from "./refusal.js";
import { paceOf } from "./reporting.js";
import { decayed, trustOf } from "./reputation.js";

/** One filter that a miner does not pass, with what it has and what was asked for. */
export interface Obstruction {
  readonly refusal: Refusal;
  readonly has: number | string;
  readonly limit: number | string;
  /** When time alone takes it away; null when it does not. */
  readonly until: number | null;
}

/** Everything that a choice would weigh in this miner now, draws of chance left out. */
export interface Explanation {
  readonly phase: "closed" | "open" | "half-open";
  /** Every filter that refuses it, the deciding one first; none when it could be drawn. */
  readonly obstructions: readonly Obstruction[];
  readonly trust: {
    readonly mean: number;
    readonly kept: number;
    readonly broken: number;
    readonly priorKept: number;
    readonly priorBroken: number;
  };
  readonly seconds: {
    readonly perFragment: number;
    readonly isMeasured: boolean;
    readonly transfer: number;
    readonly perReport: number;
    readonly queue: number;
    /** What the chance of failure adds, at the mean trust. */
    readonly failures: number;
  };
  /** The sum of the seconds: what it would be compared by, if its trust were drawn at the mean. */
  readonly cost: number;
  readonly cooldown: {
    readonly until: number | null;
    readonly failuresInRow: number;
    readonly failuresToCooldown: number;
    /** The longest that its next rest can be. */
    readonly nextAtMostMs: number;
  };
}

/** Why a miner would, or would not, be chosen for a column of this need. Law: no obstruction exactly where no refusal. */
export function explain(
  miner: Applicant & Experience,
  filter: Filter,
  isUnwanted: boolean,
  policy: MinerPolicy,
): Explanation {
  const { now, need } = filter;
  const { kept, broken } = decayed(miner.evidence, now, policy);
  const mean = trustOf(miner.evidence, now, policy);
  const perFragment = miner.speed?.secondsPerFragment ?? policy.priorSecondsPerFragment;
  const transfer = perFragment * need.fragmentsPerColumn * (miner.inflight + 1);
  const perReport = paceOf(miner.reporting, policy);
  const queue = perReport * miner.unreported;
  const cost = (transfer + queue + (1 - mean) * policy.failureSeconds) / mean;
  return {
    phase: phaseOf(miner.cooldown, now),
    obstructions: obstructionsOf(miner, filter, isUnwanted, policy),
    trust: { mean, kept, broken, priorKept: policy.priorKept, priorBroken: policy.priorBroken },
    seconds: {
      perFragment,
      isMeasured: miner.speed !== null,
      transfer,
      perReport,
      queue,
      failures: cost - transfer - queue,
    },
    cost,
    cooldown: {
      until: miner.cooldown.until,
      failuresInRow: miner.cooldown.failuresInRow,
      failuresToCooldown: policy.failuresToCooldown,
      nextAtMostMs: cooldownLengthMs(miner.cooldown.exponent + 1, policy),
    },
  };
}

function obstructionsOf(
  miner: Applicant,
  filter: Filter,
  isUnwanted: boolean,
  policy: MinerPolicy,
): readonly Obstruction[] {
  const phase = phaseOf(miner.cooldown, filter.now);
  const load = miner.inflight + miner.unreported;
  const bytes = neededBytes(filter.need, policy);
  const at = (refusal: Refusal, has: number | string, limit: number | string, until: number | null = null) => ({
    refusal,
    has,
    limit,
    until,
  });
  return [
    ...(miner.chainState === "positive" ? [] : [at("chain-state", miner.chainState, "positive")]),
    ...(miner.hasEndpoint ? [] : [at("no-endpoint", "none", "an address that can be dialed")]),
    ...(filter.exclude.has(miner.account) ? [at("excluded", "a column of the file", "one per miner")] : []),
    ...(isUnwanted ? [at("unwanted", "not among those wished for", "the uploader's wish")] : []),
    ...(miner.quarantine === null ? [] : [at("quarantine", miner.quarantine, "released by a person")]),
    ...(phase === "open" ? [at("cooldown", filter.now, miner.cooldown.until as number, miner.cooldown.until)] : []),
    ...(phase === "half-open" && load > 0 ? [at("probe-under-way", load, 0)] : []),
    ...(miner.inflight >= policy.inflightMax ? [at("busy", miner.inflight, policy.inflightMax)] : []),
    ...(miner.idleBytes < bytes ? [at("space", miner.idleBytes, bytes)] : []),
  ];
}
