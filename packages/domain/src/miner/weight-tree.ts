/**
 * Weights that can be drawn by and changed in O(log N): a binary indexed tree of sums.
 * Law: item i is drawn with probability weight(i) / total. Exact for whole weights whose total stays below 2^53, since
 * then no sum is ever rounded, however often weights change.
 */
export interface WeightTree {
  /** Sets the weight of an item; 0 takes it out. */
  set(index: number, weight: number): void;
  weight(index: number): number;
  /** The item at `share` (0 ≤ share < 1) of the total; null when no weight is left. */
  at(share: number): number | null;
}

export function createWeightTree(initial: ArrayLike<number>): WeightTree {
  const weights = Float64Array.from(initial);
  const sums = new Float64Array(initial.length + 1);
  for (let i = 1; i < sums.length; i += 1) {
    sums[i] = (sums[i] as number) + (weights[i - 1] as number);
    const parent = i + (i & -i);
    if (parent < sums.length) sums[parent] = (sums[parent] as number) + (sums[i] as number);
  }
  const top = 2 ** Math.floor(Math.log2(Math.max(1, initial.length)));
  const weight = (index: number): number => weights[index] as number;

  function total(): number {
    let sum = 0;
    for (let i = sums.length - 1; i > 0; i -= i & -i) sum += sums[i] as number;
    return sum;
  }

  return {
    weight,
    set(index, value) {
      const change = value - weight(index);
      weights[index] = value;
      for (let i = index + 1; i < sums.length; i += i & -i) sums[i] = (sums[i] as number) + change;
    },
    at(share) {
      let rest = share * total();
      let position = 0;
      for (let step = top; step > 0; step >>= 1) {
        const next = position + step;
        if (next < sums.length && (sums[next] as number) <= rest) {
          position = next;
          rest -= sums[next] as number;
        }
      }
      // Rounding may end on an item that was taken out: the nearest that is still in is as good.
      for (let i = position; i < weights.length; i += 1) if (weight(i) > 0) return i;
      for (let i = Math.min(position, weights.length) - 1; i >= 0; i -= 1) if (weight(i) > 0) return i;
      return null;
    },
  };
}
