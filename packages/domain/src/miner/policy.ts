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
  /** Longest gap between two reports that still counts as one report's time. */
  readonly secondsPerReportMax: number;
  /** Time constant with which the longest wait for a report is forgotten. */
  readonly lagTauMs: number;
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
  /** Draws in search of one of them, before a known one is as good. */
  readonly explorationDraws: number;
  /** A miner with less evidence than this counts as little known. */
  readonly knownEvidence: number;
  /** Environment guard: with this many miners seen in the window, … */
  readonly guardMiners: number;
  readonly guardWindowMs: number;
  /** … and this share of them failing, the fault is ours and nobody is marked. */
  readonly guardShare: number;
  /** A late column is hedged after so many times what the file's others took, and what it was expected to take, … */
  readonly hedgeFactor: number;
  readonly hedgeExpectedFactor: number;
  /** … within these bounds, … */
  readonly hedgeLeastSeconds: number;
  readonly hedgeMostSeconds: number;
  /** … once this share of the file's columns has arrived. */
  readonly hedgeArrivedShare: number;
  /** Columns that may be sent a second time, as a share of all, and at most at once. */
  readonly hedgeShare: number;
  readonly hedgeBurst: number;
  /** Columns that may be sent again for want of a report: as a share of those placed, by the minute, and at once. */
  readonly brakeShare: number;
  readonly brakePerMinute: number;
  readonly brakeBurst: number;
  /** Time constant with which is forgotten what traffic has earned beyond the burst: about as long as a report may take. */
  readonly brakeFadeMs: number;
  /** What the silence of a miner costs that never reported anything; that of a known one costs 1. */
  readonly brakeLeastCharge: number;
  /** Where the brake holds, a deadline is prolonged by this share of the patience. */
  readonly brakeStretch: number;
}

/** Values and their reasons: the measurements on report queues and on policies that this design rests on. */
export const defaultPolicy: MinerPolicy = {
  evidenceHalfLifeMs: 3 * 3_600_000,
  priorKept: 4,
  priorBroken: 1,
  priorSecondsPerFragment: 2,
  speedTauMs: 60_000,
  secondsPerReport: 7,
  secondsPerReportMax: 60,
  lagTauMs: 10 * 60_000,
  failureSeconds: 60,
  failuresToCooldown: 3,
  cooldownBaseMs: 60_000,
  cooldownMaxMs: 6 * 3_600_000,
  cooldownShareMax: 0.5,
  inflightMax: 8,
  spaceMargin: 1.1,
  candidates: 3,
  drawsMax: 400,
  explorationShare: 0.02,
  explorationDraws: 60,
  knownEvidence: 5,
  guardMiners: 20,
  guardWindowMs: 60_000,
  guardShare: 0.3,
  hedgeFactor: 3,
  hedgeExpectedFactor: 2,
  hedgeLeastSeconds: 2,
  hedgeMostSeconds: 20,
  hedgeArrivedShare: 0.5,
  hedgeShare: 0.02,
  hedgeBurst: 24,
  brakeShare: 0.05,
  brakePerMinute: 2,
  brakeBurst: 24,
  brakeFadeMs: 90_000,
  brakeLeastCharge: 0.1,
  brakeStretch: 0.5,
};
