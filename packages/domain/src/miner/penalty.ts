import type { Instant } from "./instant.js";

/** What a miner did, as far as we can know it. */
export type Observation =
  /** It took a whole column. Proves nothing yet: a liar takes everything. */
  | { readonly kind: "transferred"; readonly secondsPerFragment: number }
  /** Its report is on chain. `placedAt`: since when it had the whole column, where known. */
  | { readonly kind: "reported"; readonly placedAt?: Instant }
  /** It holds a whole column and let the time for its report go by. */
  | { readonly kind: "report-missed" }
  /** The report came, after we had counted it as missed at `missedAt`. */
  | { readonly kind: "report-late"; readonly missedAt: Instant; readonly placedAt?: Instant }
  /** A second miner was sent the same column later and had it sooner; after so long this one still had not. */
  | { readonly kind: "outrun"; readonly secondsPerFragment: number }
  /** A transfer ended with an error. */
  | { readonly kind: "failed"; readonly code: string }
  /** It gave other bytes than those it had promised to keep. */
  | { readonly kind: "corrupt"; readonly reason: string }
  /** It answered, or not, when its time in the cooldown pool was over. */
  | { readonly kind: "probe-answered" }
  | { readonly kind: "probe-failed"; readonly code: string };

export interface Penalty {
  /** Added to the promises kept and broken. */
  readonly kept: number;
  readonly broken: number;
  readonly failuresInRow: "count" | "reset" | "keep";
  /** Steps on the ladder of cooldown lengths. */
  readonly steps: -1 | 0 | 1;
  readonly cooldown: "none" | "at-once" | "after-failures";
  readonly quarantine: boolean;
}

const nothing: Penalty = {
  kept: 0,
  broken: 0,
  failuresInRow: "keep",
  steps: 0,
  cooldown: "none",
  quarantine: false,
};

/** Missing a report weighs as five failed transfers: it costs minutes, where a failed transfer costs seconds. */
export const REPORT_MISSED_WEIGHT = 5;
/** Of which a report that comes late gives back all but one. */
export const REPORT_LATE_RETURN = 4;

/** Between a failed transfer and none: whoever is outrun may be merely slow, or may never have come to an end. */
export const OUTRUN_WEIGHT = 0.5;

/** Ends of a call to a miner that say nothing about it: our own doing. */
const notTheMinersFault = new Set(["MINER_CALL_ABORTED", "MINER_CLIENT_CLOSED"]);

/** With such an endpoint no second attempt can go better. */
const hopeless = new Set(["MINER_ENDPOINT_INVALID", "MINER_ADDRESS_FORBIDDEN"]);

/** Codes of miners' doings begin with their name; whatever else ends a transfer is our own doing, or our own trouble. */
export const isMinersFault = (code: string): boolean => code.startsWith("MINER_") && !notTheMinersFault.has(code);

export function penaltyOf(observation: Observation): Penalty {
  switch (observation.kind) {
    case "transferred":
      return { ...nothing, failuresInRow: "reset" };
    case "outrun":
      return { ...nothing, broken: OUTRUN_WEIGHT };
    case "reported":
      return { ...nothing, kept: 1, failuresInRow: "reset", steps: -1 };
    case "report-missed":
      return { ...nothing, broken: REPORT_MISSED_WEIGHT, steps: 1, cooldown: "at-once" };
    case "report-late":
      return { ...nothing, kept: 1, broken: -REPORT_LATE_RETURN, failuresInRow: "reset", steps: -1 };
    case "failed":
      if (!isMinersFault(observation.code)) return nothing;
      if (hopeless.has(observation.code)) {
        return { ...nothing, broken: 1, failuresInRow: "count", steps: 1, cooldown: "at-once" };
      }
      return { ...nothing, broken: 1, failuresInRow: "count", cooldown: "after-failures" };
    case "corrupt":
      return { ...nothing, broken: REPORT_MISSED_WEIGHT, quarantine: true };
    case "probe-answered":
      return nothing;
    case "probe-failed":
      return isMinersFault(observation.code) ? { ...nothing, steps: 1, cooldown: "at-once" } : nothing;
    default:
      return observation satisfies never;
  }
}
