import { CodedError } from "@granary/primitives";
import type { Clock } from "../ports.js";

export interface StallRules {
  readonly stallMinMs: number;
  readonly stallMaxMs: number;
}

interface Watched {
  readonly abort: AbortController;
  readonly isLive: boolean;
  readonly sendingSince: number | null;
  readonly seconds: readonly number[];
}

const LOOK_EVERY_MS = 500;
/** A fragment may take this many times as long as others of the round did. */
const TIMES_TYPICAL = 3;

/**
 * How long one fragment may take before its miner is holding up the others: three times what is typical in the round,
 * within the given bounds. Nothing is typical before half of the columns have sent a fragment.
 */
export function stallLimitMs(rules: StallRules, lanes: readonly Pick<Watched, "seconds">[]): number {
  const done = lanes.flatMap(({ seconds }) => {
    const last = seconds.at(-1);
    return last === undefined ? [] : [last];
  });
  if (done.length * 2 < lanes.length) return Number.POSITIVE_INFINITY;
  const typical = done.sort((a, b) => a - b)[Math.floor(done.length / 2)] ?? 0;
  return Math.min(rules.stallMaxMs, Math.max(rules.stallMinMs, TIMES_TYPICAL * typical * 1000));
}

/** Aborts the lanes that stall. */
export function watchStalls(rules: StallRules, lanes: readonly Watched[], clock: Clock): { stop(): void } {
  const timer = setInterval(() => {
    const limitMs = stallLimitMs(rules, lanes);
    for (const { abort, isLive, sendingSince } of lanes) {
      if (!isLive || sendingSince === null || clock() - sendingSince <= limitMs) continue;
      abort.abort(new CodedError("MINER_TOO_SLOW", "timeout", "the miner holds up the other columns", { limitMs }));
    }
  }, LOOK_EVERY_MS);
  return { stop: () => clearInterval(timer) };
}
