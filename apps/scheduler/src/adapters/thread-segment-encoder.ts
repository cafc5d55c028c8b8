import { createSegmentMemory, slotOf } from "@granary/erasure";
import { createSlots, createThreadPool } from "@granary/service-runtime";
import type { Register } from "@granary/telemetry";
import type { EncodedSegment, SegmentEncoder } from "../ports.js";
import type { EncodeTask } from "./encode-thread.js";

/** From `src` and from `dist` alike, this is the built file: a thread runs JavaScript. */
const script = new URL("../../dist/adapters/encode-thread.js", import.meta.url);

/**
 * A fixed number of encoded segments in a memory that this thread and the encoding threads share: bytes are read into
 * the place where they are coded, and sent to miners from there.
 */
export function createThreadSegmentEncoder(options: {
  readonly threads: number;
  readonly buffers: number;
  readonly register: Register;
}): SegmentEncoder & { buffersInUse(): number; close(): Promise<void> } {
  const segments = createSegmentMemory(options.buffers, "fragments");
  const threads = createThreadPool<EncodeTask, null>({
    script,
    name: "encode",
    threads: options.threads,
    data: segments,
    register: options.register,
  });
  const slots = createSlots(options.buffers);

  return {
    async encode({ read, segmentHash, rows, signal }): Promise<EncodedSegment> {
      const slot = await slots.take(signal);
      try {
        const { data, parity } = slotOf(segments, slot);
        let offset = 0;
        for (const quarter of data) {
          await read(quarter, offset);
          offset += quarter.length;
        }
        await threads.run({ slot, segmentHash, rows });
        return encodedIn([...data, ...parity], () => slots.giveBack(slot));
      } catch (error) {
        slots.giveBack(slot);
        throw error;
      }
    },
    buffersInUse: () => slots.inUse(),
    close: () => threads.close(),
  };
}

function encodedIn(fragments: readonly Uint8Array[], giveBack: () => void): EncodedSegment {
  let isReleased = false;
  return {
    fragment: (row) => fragments[row] as Uint8Array,
    release() {
      if (isReleased) return;
      isReleased = true;
      giveBack();
    },
  };
}
