import type { BlobStore } from "@granary/blob-store";
import type { SegmentDigests, SegmentHasherName } from "@granary/erasure";
import { createRegister } from "@granary/telemetry";
import type { EncodeEngine } from "../src/adapters/encode-thread.js";
import { createThreadEncoder } from "../src/adapters/thread-encoder.js";
import { splitObject } from "../src/flow/split-object.js";
import type { Claim } from "../src/ports.js";

export const THREADS = 2;

export type Pipeline = ReturnType<typeof openPipeline>;

/** The preprocessor's own flow and threads over staged bytes, without Postgres: digests are kept in a map. */
export function openPipeline(staging: Pick<BlobStore, "open">, engine: EncodeEngine, slots = 2 * THREADS + 1) {
  const register = createRegister({ service: "bench", processMetrics: false });
  const hashedBy: Partial<Record<SegmentHasherName, number>> = {};
  const encoder = createThreadEncoder({
    threads: THREADS,
    slots,
    register,
    engine,
    observe: ({ by }) => {
      hashedBy[by] = (hashedBy[by] ?? 0) + 1;
    },
  });
  return {
    /** How many segments each way of hashing has done. */
    hashedBy: () => hashedBy,
    async encode(claim: Claim): Promise<Map<number, SegmentDigests>> {
      const saved = new Map<number, SegmentDigests>();
      const encodings = {
        encodedIndices: async () => new Set<number>(),
        saveSegment: async (_: string, index: number, digests: SegmentDigests) => void saved.set(index, digests),
      };
      await splitObject({ encodings, staging, encoder }, claim, new AbortController().signal);
      if (saved.size !== claim.segmentCount) throw new Error("segments are missing");
      return saved;
    },
    close: () => encoder.close(),
  };
}
