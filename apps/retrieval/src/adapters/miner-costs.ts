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
/** A miner may take this many times what it usually takes. */
const HEDGE_FACTOR = 4;
const MINERS_MAX = 10_000;

interface Record {
  seconds: number;
  failures: number;
  failedAt: number;
}

/** How miners have served this process: a moving average of the time of a fragment, and failures that fade. */
export function createMinerCosts(options: { hedgeAfterMs: number; now?: () => number }): MinerCosts {
  const { hedgeAfterMs, now = () => performance.now() } = options;
  const records = new Map<AccountId, Record>();
  const recordOf = (miner: AccountId): Record => {
    let record = records.get(miner);
    if (record === undefined) {
      if (records.size >= MINERS_MAX) records.clear();
      record = { seconds: UNKNOWN_SECONDS, failures: 0, failedAt: 0 };
      records.set(miner, record);
    }
    return record;
  };
  const failuresOf = ({ failures, failedAt }: Record) => failures * 0.5 ** ((now() - failedAt) / FAILURE_HALF_LIFE_MS);

  return {
    costOf(miner) {
      const record = records.get(miner);
      if (record === undefined) return UNKNOWN_SECONDS;
      return record.seconds * FAILURE_FACTOR ** Math.min(failuresOf(record), FAILURES_COUNTED_MAX);
    },
    hedgeAfterMs(miner) {
      const record = records.get(miner);
      if (record === undefined) return hedgeAfterMs;
      const usual = record.seconds * 1000 * HEDGE_FACTOR;
      return Math.min(2 * hedgeAfterMs, Math.max(hedgeAfterMs / 4, usual));
    },
    served(miner, seconds) {
      const isNew = !records.has(miner);
      const record = recordOf(miner);
      record.seconds = isNew ? seconds : record.seconds + SAMPLE_WEIGHT * (seconds - record.seconds);
      record.failures = 0;
    },
    failed(miner) {
      const record = recordOf(miner);
      record.failures = failuresOf(record) + 1;
      record.failedAt = now();
    },
  };
}
