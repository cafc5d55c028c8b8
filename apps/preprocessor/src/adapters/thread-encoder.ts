import { createSegmentMemory, slotOf } from "@granary/erasure";
import { createSlots, createThreadPool } from "@granary/service-runtime";
import type { Register } from "@granary/telemetry";
import type { SegmentEncoder, SegmentSlot } from "../ports.js";
import type { EncodeEngine, EncodeResult, EncodeTask, EncodeThreadData } from "./encode-thread.js";

/** From `src` and from `dist` alike, this is the built file: a thread runs JavaScript. */
const script = new URL("../../dist/adapters/encode-thread.js", import.meta.url);
/** Segments that a thread hashes together: as many as the widest engine has room for. Others take them in turn. */
const GROUP_MAX = 4;

/**
 * A fixed number of segments in a memory that this thread and the encoding threads share: bytes are read into the place
 * where they are coded and hashed, and copied nowhere. Parity exists only a tile at a time.
 */
export function createThreadEncoder(options: {
  readonly threads: number;
  readonly register: Register;
  readonly slots: number;
  readonly engine: EncodeEngine;
  readonly observe: (result: Omit<EncodeResult, "digests">) => void;
}): SegmentEncoder & { slotsInUse(): number; close(): Promise<void> } {
  const segments = createSegmentMemory(options.slots, "tiles");
  const data: EncodeThreadData = { segments, engine: options.engine };
  const threads = createThreadPool<EncodeTask, EncodeResult>({
    script,
    name: "encode",
    threads: options.threads,
    groupMax: GROUP_MAX,
    data,
    register: options.register,
  });
  const slots = createSlots(options.slots);

  function segmentSlot(index: number): SegmentSlot {
    let isReleased = false;
    return {
      quarters: slotOf(segments, index).data,
      async digest() {
        const result = await threads.run(index);
        options.observe(result);
        return result.digests;
      },
      release() {
        if (isReleased) return;
        isReleased = true;
        slots.giveBack(index);
      },
    };
  }

  return {
    take: async (signal) => segmentSlot(await slots.take(signal)),
    slotsInUse: () => slots.inUse(),
    close: () => threads.close(),
  };
}
