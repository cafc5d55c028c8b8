import { SEGMENT_BYTES } from "@granary/primitives";
import { createThreadPool } from "@granary/service-runtime";
import type { Register } from "@granary/telemetry";
import type { SegmentEncoder, SegmentSlot } from "../ports.js";
import type { EncodeResult, EncodeTask } from "./encode-thread.js";

/** From `src` and from `dist` alike, this is the built file: a thread runs JavaScript. */
const script = new URL("../../dist/adapters/encode-thread.js", import.meta.url);

/**
 * A fixed number of segment buffers over a fixed number of threads. A buffer is handed to its thread and back, never
 * copied; one that was lost with its thread is replaced.
 */
export function createThreadEncoder(options: {
  readonly threads: number;
  readonly register: Register;
  readonly buffers: number;
  readonly observe: (timing: Pick<EncodeResult, "encodeSeconds" | "hashSeconds">) => void;
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

  function slotOf(buffer: ArrayBuffer): SegmentSlot {
    let held: ArrayBuffer | undefined = buffer;
    let isReleased = false;
    return {
      bytes: new Uint8Array(buffer),
      async digest() {
        held = undefined;
        const result = await threads.run(buffer, [buffer]);
        held = result.segment;
        options.observe(result);
        return result.digests;
      },
      release() {
        if (isReleased) return;
        isReleased = true;
        if (held !== undefined) idle.push(held);
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      },
    };
  }

  return {
    take: (signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const enter = () => {
          signal.removeEventListener("abort", leave);
          resolve(slotOf(idle.pop() ?? new ArrayBuffer(SEGMENT_BYTES)));
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
      }),
    buffersInUse: () => options.buffers - free,
    close: () => threads.close(),
  };
}
