/** Everything that happened, as one number: two runs of one seed must end with the same. FNV-1a over two lanes. */
export interface Trace {
  note(...facts: readonly number[]): void;
  readonly hash: string;
}

export function createTrace(): Trace {
  let low = 0x811c9dc5;
  let high = 0x9e3779b9;
  const mix = (value: number) => {
    low = Math.imul(low ^ value, 0x01000193);
    high = Math.imul(high ^ (value + (low >>> 7)), 0x85ebca6b);
  };
  const hex = (lane: number) => (lane >>> 0).toString(16).padStart(8, "0");
  return {
    note(...facts) {
      // Whole microseconds and ids both lie below 2^53; all of their bits count.
      for (const fact of facts) {
        mix(fact >>> 0);
        mix(Math.floor(fact / 2 ** 32));
      }
    },
    get hash() {
      return hex(high) + hex(low);
    },
  };
}
