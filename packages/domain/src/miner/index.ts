export type { Position } from "./area.js";
export { type Brake, type BrakeDecision, brakeCharge, decideResend, earnBrake, newBrake } from "./brake.js";
export { seededRandom } from "./chance.js";
export type { Reason } from "./choose.js";
export {
  type Cooldown,
  type CooldownPhase,
  cooldownLengthMs,
  noCooldown,
  phaseOf,
} from "./cooldown.js";
export {
  type Constraint,
  type Dimension,
  dimensions,
  type GroupKeys,
  type Groups,
  groupKeysOf,
  groupsOfEndpoint,
  type Limits,
  levelsOf,
  oneMachineConstraints,
  spreadConstraints,
  spreadOver,
} from "./diversity.js";
export { createWeatherWatch, isOursTheFault, isPoolCrowded, type Weather, type WeatherWatch } from "./environment.js";
export { type Explanation, explain, type Obstruction } from "./explain.js";
export {
  decideHedge,
  earnHedge,
  type HedgeDecision,
  type HedgeSituation,
  hedgeAfterSeconds,
  newHedgeBudget,
  refundHedge,
} from "./hedge.js";
export type { Instant, Random } from "./instant.js";
export { type Circumstances, type Experience, judge, noExperience } from "./judge.js";
export { isMinersFault, type Observation } from "./penalty.js";
export { defaultPolicy, type MinerPolicy } from "./policy.js";
export { type Need, type Refusal, refusals } from "./refusal.js";
export { type ReportPatience, reportPatienceMs } from "./report-deadline.js";
export { measureReporting, paceOf, type Reporting } from "./reporting.js";
export { decayed, type Evidence, noEvidence, type Speed, trustOf, weigh } from "./reputation.js";
export { createRoster, type Roster, type RosterChoice, type RosterOrder, type RosterResult } from "./roster.js";
export { type Load, type Score, scoreOf } from "./score.js";
export {
  type Candidate,
  type Choice,
  type Selection,
  type SelectionResult,
  select,
  type Wishes,
} from "./select.js";
export { type ComposedStrategy, composeStrategies, type Strategy, wishesAbout } from "./strategy.js";
export { earn, fullBucket, spend, type TokenBucket } from "./token-bucket.js";
