/** The slowest that a transfer may be: fewer bytes than the rate allows within any whole window, and it is cut off. */
export interface PaceLimits {
  readonly minBytesPerSecond: number;
  readonly windowMs: number;
}

export interface Pace {
  moved(bytes: number): void;
  stop(): void;
}

const BUCKETS = 5;

/**
 * A rate over a sliding window instead of one long timeout: it cuts a drip-feeding miner after one window, however
 * large the transfer, and never a steady one.
 */
export function watchPace(limits: PaceLimits, onSlow: () => void): Pace {
  const buckets: number[] = [];
  let current = 0;
  const bytesMin = (limits.minBytesPerSecond * limits.windowMs) / 1000;
  const timer = setInterval(() => {
    buckets.push(current);
    current = 0;
    if (buckets.length < BUCKETS) return;
    const moved = buckets.reduce((sum, bytes) => sum + bytes, 0);
    buckets.shift();
    if (moved < bytesMin) {
      clearInterval(timer);
      onSlow();
    }
  }, limits.windowMs / BUCKETS);
  return {
    moved: (bytes) => {
      current += bytes;
    },
    stop: () => clearInterval(timer),
  };
}
