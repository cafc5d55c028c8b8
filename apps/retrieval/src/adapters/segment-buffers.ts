import { SEGMENT_BYTES } from "@granary/primitives";
import type { SegmentBuffer } from "../flow/load-segment.js";

export interface SegmentBuffers {
  /** First come, first served. Rejects when the signal is aborted. */
  take(signal: AbortSignal): Promise<SegmentBuffer>;
  free(): number;
}

/** Whoever waits this long asks holders to let go; and again after as long. */
const STARVING_AFTER_MS = 1_000;

/** A fixed number of segment-sized buffers, used again and again: the memory of all reads together. */
export function createSegmentBuffers(options: { count: number; onStarving: () => void }): SegmentBuffers {
  const idle: ArrayBuffer[] = [];
  const waiting: (() => void)[] = [];
  let free = options.count;

  function hand(): SegmentBuffer {
    let isReleased = false;
    const buffer: SegmentBuffer = {
      bytes: idle.pop() ?? new ArrayBuffer(SEGMENT_BYTES),
      release() {
        if (isReleased) return;
        isReleased = true;
        idle.push(buffer.bytes);
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      },
    };
    return buffer;
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
