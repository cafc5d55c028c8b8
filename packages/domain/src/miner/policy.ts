/** Every number of the judgement of miners in one place. Durations in milliseconds unless the name says seconds. */
export interface MinerPolicy {
  /** Own experience counts half after this time. */
  readonly evidenceHalfLifeMs: number;
  /** What is believed of a miner without evidence: as many kept and broken promises. */
  readonly priorKept: number;
  readonly priorBroken: number;
  /** Assumed seconds for one fragment where nothing was measured. */
  readonly priorSecondsPerFragment: number;
  /** Time constant with which a measured peak is forgotten. */
  readonly speedTauMs: number;
  /** Seconds that a miner needs for one report: they report one after another. */
  readonly secondsPerReport: number;
  /** Seconds that a failed attempt costs. */
  readonly failureSeconds: number;
  /** Failures in a row that send a miner to the cooldown pool. */
  readonly failuresToCooldown: number;
  readonly cooldownBaseMs: number;
  readonly cooldownMaxMs: number;
  /** Share of the pool in cooldown beyond which failed transfers send nobody more there: then it is the network. */
  readonly cooldownShareMax: number;
  /** Columns on the way to one miner at a time. */
  readonly inflightMax: number;
  /** Free space asked for, as a multiple of what is needed. */
  readonly spaceMargin: number;
  /** Candidates that are compared for each column. */
  readonly candidates: number;
  /** Draws at one level of constraints before the next constraint is relaxed. */
  readonly drawsMax: number;
  /** Share of picks that goes to miners of which little is known. */
  readonly explorationShare: number;
  /** A miner with less evidence than this counts as little known. */
  readonly knownEvidence: number;
  /** Environment guard: with this many miners seen in the window, … */
  readonly guardMiners: number;
  readonly guardWindowMs: number;
  /** … and this share of them failing, the fault is ours and nobody is marked. */
  readonly guardShare: number;
}

/** Values and their reasons: the measurements on report queues and on policies that this design rests on. */
export const defaultPolicy: MinerPolicy = {
  evidenceHalfLifeMs: 3 * 3_600_000,
  priorKept: 4,
  priorBroken: 1,
  priorSecondsPerFragment: 2,
  speedTauMs: 60_000,
  secondsPerReport: 7,
  failureSeconds: 30,
  failuresToCooldown: 3,
  cooldownBaseMs: 60_000,
  cooldownMaxMs: 6 * 3_600_000,
  cooldownShareMax: 0.5,
  inflightMax: 8,
  spaceMargin: 1.1,
  candidates: 3,
  drawsMax: 400,
  explorationShare: 0.02,
  knownEvidence: 5,
  guardMiners: 20,
  guardWindowMs: 60_000,
  guardShare: 0.3,
};
