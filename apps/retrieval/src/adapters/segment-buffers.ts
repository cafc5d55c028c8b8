import { type SegmentMemory, slotOf } from "@granary/erasure";
import type { SegmentBuffer } from "../flow/load-segment.js";

export interface SegmentBuffers {
  /** First come, first served. Rejects when the signal is aborted. */
  take(signal: AbortSignal): Promise<SegmentBuffer>;
  free(): number;
}

/** Whoever waits this long asks holders to let go; and again after as long. */
const STARVING_AFTER_MS = 1_000;

/** The slots of a segment memory, used again and again: the memory of all reads together. */
export function createSegmentBuffers(options: { memory: SegmentMemory; onStarving: () => void }): SegmentBuffers {
  const { memory } = options;
  // The one that was given back last is taken first: slots that were never needed are never touched.
  const idle = Array.from({ length: memory.slots }, (_, k) => memory.slots - 1 - k);
  const waiting: (() => void)[] = [];
  let free = memory.slots;

  function hand(): SegmentBuffer {
    let isReleased = false;
    const index = idle.pop() as number;
    const { data, parity } = slotOf(memory, index);
    return {
      index,
      data,
      places: [...data, ...parity],
      release() {
        if (isReleased) return;
        isReleased = true;
        idle.push(index);
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      },
    };
  }

  return {
    free: () => free,
    take: (signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        if (free > 0) {
          free -= 1;
          return resolve(hand());
        }
        const timer = setInterval(options.onStarving, STARVING_AFTER_MS);
        const enter = () => {
          clearInterval(timer);
          signal.removeEventListener("abort", leave);
          resolve(hand());
        };
        const leave = () => {
          clearInterval(timer);
          waiting.splice(waiting.indexOf(enter), 1);
          reject(signal.reason);
        };
        signal.addEventListener("abort", leave, { once: true });
        waiting.push(enter);
      }),
  };
}
