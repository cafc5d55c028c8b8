/** A fixed number of numbered places. Who wants one waits in line: this is what bounds memory. */
export interface Slots {
  /** Rejects with the signal's reason when it is aborted before there is a place. */
  take(signal: AbortSignal): Promise<number>;
  giveBack(slot: number): void;
  inUse(): number;
}

export function createSlots(count: number): Slots {
  // The one that was given back last is taken first: places that were never needed are never touched.
  const free = Array.from({ length: count }, (_, k) => count - 1 - k);
  const waiting: ((slot: number) => void)[] = [];
  return {
    take: (signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const slot = free.pop();
        if (slot !== undefined) return resolve(slot);
        const enter = (given: number) => {
          signal.removeEventListener("abort", leave);
          resolve(given);
        };
        const leave = () => {
          waiting.splice(waiting.indexOf(enter), 1);
          reject(signal.reason);
        };
        signal.addEventListener("abort", leave, { once: true });
        waiting.push(enter);
      }),
    giveBack(slot) {
      const next = waiting.shift();
      if (next === undefined) free.push(slot);
      else next(slot);
    },
    inUse: () => count - free.length,
  };
}
