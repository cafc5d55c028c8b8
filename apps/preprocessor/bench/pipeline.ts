import type { BlobStore } from "@granary/blob-store";
import type { SegmentDigests } from "@granary/erasure";
import { createRegister } from "@granary/telemetry";
import { createThreadEncoder } from "../src/adapters/thread-encoder.js";
import { splitObject } from "../src/flow/split-object.js";
import type { Claim } from "../src/ports.js";

export const THREADS = 2;

/** The preprocessor's own flow and threads over staged bytes, without Postgres: digests are kept in a map. */
export function openPipeline(staging: Pick<BlobStore, "open">, isReference: boolean) {
  const register = createRegister({ service: "bench", processMetrics: false });
  const pool = { threads: THREADS, slots: THREADS + 1, register };
  const encoder = createThreadEncoder({ ...pool, isReference, observe: () => {} });
  return {
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
