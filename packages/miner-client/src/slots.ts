import { MinerError } from "./errors.js";

/** A bounded number of calls at a time, first come first served. */
export interface Slots {
  /** Resolves with the function that gives the slot back. @throws MinerError MINER_CALL_ABORTED */
  take(signal: AbortSignal | undefined): Promise<() => void>;
  readonly isIdle: boolean;
}

export function createSlots(count: number): Slots {
  let free = count;
  const waiting: (() => void)[] = [];
  const giveBack = (): (() => void) => {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    };
  };
  return {
    get isIdle() {
      return free === count;
    },
    take(signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(aborted(signal));
        if (free > 0) {
          free -= 1;
          return resolve(giveBack());
        }
        const enter = (): void => {
          signal?.removeEventListener("abort", leave);
          resolve(giveBack());
        };
        const leave = (): void => {
          waiting.splice(waiting.indexOf(enter), 1);
          reject(aborted(signal));
        };
        signal?.addEventListener("abort", leave, { once: true });
        waiting.push(enter);
      });
    },
  };
}

export const aborted = (signal: AbortSignal | undefined): MinerError =>
  new MinerError("MINER_CALL_ABORTED", "the caller gave up", {}, signal?.reason);
