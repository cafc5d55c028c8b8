import type { AccountId } from "@granary/primitives";
import type { MinerCosts } from "../ports.js";

/** What a new sample counts against all before. */
const SAMPLE_WEIGHT = 0.3;
/** A miner that we know nothing of is taken for a fair one. */
const UNKNOWN_SECONDS = 0.25;
const FAILURE_FACTOR = 4;
const FAILURES_COUNTED_MAX = 6;
/** A failure counts half after this long, so that a miner that came back is tried again. */
const FAILURE_HALF_LIFE_MS = 60_000;
/** Who takes this many times what it usually takes is stuck. */
const STUCK_FACTOR = 4;
const STUCK_AFTER_MAX_MS = 30_000;
/** Of a miner that was cancelled, only that it would have taken longer is known. */
const OVERTAKEN_FACTOR = 2;
const HEDGE_QUANTILE = 0.75;
/** Reads of a class that its quantile is taken from. */
const CLASS_SAMPLES_MAX = 64;
const CLASS_SAMPLES_MIN = 8;
const MINERS_MAX = 10_000;

/** What is known of a miner; instants are milliseconds since the epoch, so that it outlives the process. */
export interface MinerRecord {
  seconds: number;
  failures: number;
  failedAt: number;
}

export interface RememberedCosts extends MinerCosts {
  snapshot(): readonly (readonly [AccountId, MinerRecord])[];
}

/**
 * How miners have served this gateway: for each a moving average of the time of a fragment, and failures that fade. A
 * miner's class is the octave of its average; it is worth hedging when it takes longer than three quarters of the
 * latest reads of its class, so a miner that is always slow is measured against others like it.
 */
export function createMinerCosts(options: {
  hedgeAfterMs: number;
  remembered?: readonly (readonly [AccountId, MinerRecord])[];
  now?: () => number;
}): RememberedCosts {
  const { hedgeAfterMs, remembered = [], now = Date.now } = options;
  const records = new Map<AccountId, MinerRecord>(remembered.slice(0, MINERS_MAX).map(([id, one]) => [id, { ...one }]));
  const classes = new Map<number, number[]>();
  const leastMs = hedgeAfterMs / 4;

  const classOf = ({ seconds }: MinerRecord) => Math.round(Math.log2(seconds));
  const failuresOf = ({ failures, failedAt }: MinerRecord) =>
    failures * 0.5 ** (Math.max(0, now() - failedAt) / FAILURE_HALF_LIFE_MS);

  function recordOf(miner: AccountId): MinerRecord {
    let record = records.get(miner);
    if (record === undefined) {
      if (records.size >= MINERS_MAX) records.delete(records.keys().next().value as AccountId);
      record = { seconds: UNKNOWN_SECONDS, failures: 0, failedAt: 0 };
      records.set(miner, record);
    }
    return record;
  }

  function learn(miner: AccountId, seconds: number): MinerRecord {
    const isNew = !records.has(miner);
    const record = recordOf(miner);
    if (!isNew) {
      const samples = classes.get(classOf(record)) ?? [];
      samples.push(seconds);
      if (samples.length > CLASS_SAMPLES_MAX) samples.shift();
      classes.set(classOf(record), samples);
    }
    const average = isNew ? seconds : record.seconds + SAMPLE_WEIGHT * (seconds - record.seconds);
    record.seconds = Math.max(Number.EPSILON, average);
    return record;
  }

  function stuckAfterMs(miner: AccountId): number {
    const record = records.get(miner);
    if (record === undefined) return hedgeAfterMs;
    return Math.min(STUCK_AFTER_MAX_MS, Math.max(leastMs, record.seconds * 1000 * STUCK_FACTOR));
  }

  return {
    stuckAfterMs,
    costOf(miner) {
      const record = records.get(miner);
      if (record === undefined) return UNKNOWN_SECONDS;
      return record.seconds * FAILURE_FACTOR ** Math.min(failuresOf(record), FAILURES_COUNTED_MAX);
    },
    hedgeAfterMs(miner) {
      const record = records.get(miner);
      const samples = record === undefined ? undefined : classes.get(classOf(record));
      const latestMs = stuckAfterMs(miner);
      if (samples === undefined || samples.length < CLASS_SAMPLES_MIN) return latestMs;
      const sorted = [...samples].sort((a, b) => a - b);
      const quantileMs = (sorted[Math.ceil(sorted.length * HEDGE_QUANTILE) - 1] as number) * 1000;
      return Math.min(latestMs, Math.max(leastMs, quantileMs));
    },
    served(miner, seconds) {
      learn(miner, seconds).failures = 0;
    },
    overtaken(miner, seconds) {
      learn(miner, seconds * OVERTAKEN_FACTOR);
    },
    failed(miner) {
      const record = recordOf(miner);
      record.failures = failuresOf(record) + 1;
      record.failedAt = now();
    },
    snapshot: () => [...records].map(([miner, record]) => [miner, { ...record }] as const),
  };
}
