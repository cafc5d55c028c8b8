import { FRAGMENT_BYTES, FRAGMENTS_PER_SEGMENT, SEGMENT_BYTES } from "@granary/primitives";
import { createThreadPool } from "@granary/service-runtime";
import type { Register } from "@granary/telemetry";
import type { EncodedSegment, SegmentEncoder } from "../ports.js";
import type { EncodeResult, EncodeTask } from "./encode-thread.js";

/** From `src` and from `dist` alike, this is the built file: a thread runs JavaScript. */
const script = new URL("../../dist/adapters/encode-thread.js", import.meta.url);
const BUFFER_BYTES = FRAGMENTS_PER_SEGMENT * FRAGMENT_BYTES;

/** A fixed number of buffers for encoded segments, handed to a thread and back, never copied. */
export function createThreadSegmentEncoder(options: {
  readonly threads: number;
  readonly buffers: number;
  readonly register: Register;
}): SegmentEncoder & { buffersInUse(): number; close(): Promise<void> } {
  const threads = createThreadPool<EncodeTask, EncodeResult>({
    script,
    name: "encode",
    threads: options.threads,
    register: options.register,
  });
  const idle: ArrayBuffer[] = [];
  const waiting: (() => void)[] = [];
  let free = options.buffers;

  const take = (signal: AbortSignal): Promise<ArrayBuffer> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const enter = () => {
        signal.removeEventListener("abort", leave);
        resolve(idle.pop() ?? new ArrayBuffer(BUFFER_BYTES));
      };
      const leave = () => {
        waiting.splice(waiting.indexOf(enter), 1);
        reject(signal.reason);
      };
      if (free > 0) {
        free -= 1;
        return enter();
      }
      signal.addEventListener("abort", leave, { once: true });
      waiting.push(enter);
    });

  /** A buffer that died with its thread is not given back: another is made in its place. */
  const giveBack = (buffer: ArrayBuffer | null): void => {
    if (buffer !== null) idle.push(buffer);
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };

  return {
    async encode({ read, segmentHash, rows, signal }): Promise<EncodedSegment> {
      let held: ArrayBuffer | null = await take(signal);
      try {
        await read(new Uint8Array(held, 0, SEGMENT_BYTES));
        const lent = held;
        held = null;
        const { buffer } = await threads.run({ buffer: lent, segmentHash, rows }, [lent]);
        held = buffer;
        return encodedIn(buffer, () => giveBack(buffer));
      } catch (error) {
        giveBack(held);
        throw error;
      }
    },
    buffersInUse: () => options.buffers - free,
    async close() {
      await threads.close();
      idle.length = 0;
    },
  };
}

function encodedIn(buffer: ArrayBuffer, giveBack: () => void): EncodedSegment {
  let isReleased = false;
  return {
    fragment: (row) => new Uint8Array(buffer, row * FRAGMENT_BYTES, FRAGMENT_BYTES),
    release() {
      if (isReleased) return;
      isReleased = true;
      giveBack();
    },
  };
}
