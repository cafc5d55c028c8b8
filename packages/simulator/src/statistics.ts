/** The value below which a share of the sorted values lies; null where there are none. */
export function quantile(sorted: ArrayLike<number>, share: number): number | null {
  if (sorted.length === 0) return null;
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
}

export interface Quantiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export function quantilesOf(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values).sort();
  return { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), p99: quantile(sorted, 0.99) };
}

/** 0 when all are equal, towards 1 when one has all. */
export function gini(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  let sum = 0;
  let weighted = 0;
  for (const [i, value] of sorted.entries()) {
    sum += value;
    weighted += (i + 1) * value;
  }
  return sum === 0 ? 0 : (2 * weighted) / (sorted.length * sum) - (sorted.length + 1) / sorted.length;
}
