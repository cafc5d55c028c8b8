import { workerData } from "node:worker_threads";
import {
  createCodec,
  createReferenceCodec,
  hashFragments,
  type SegmentDigests,
  type SegmentMemory,
  slotOf,
} from "@granary/erasure";
import { serveThread } from "@granary/service-runtime/thread";

/** The slot of the segment, which is this thread's until it answers. */
export type EncodeTask = number;

export interface EncodeResult {
  readonly digests: SegmentDigests;
  readonly encodeSeconds: number;
  readonly hashSeconds: number;
}

export interface EncodeThreadData {
  readonly segments: SegmentMemory;
  /** The npm codec in place of the best one: what the pipeline is measured against. */
  readonly isReference: boolean;
}

const { segments, isReference } = workerData as EncodeThreadData;
const codec = isReference ? createReferenceCodec() : await createCodec(segments.memory);

serveThread<EncodeTask, EncodeResult>((index) => {
  let encodeMs = 0;
  const encodeParity: typeof codec.encodeParity = (data, parity) => {
    const startedAt = performance.now();
    codec.encodeParity(data, parity);
    encodeMs += performance.now() - startedAt;
  };
  const { data, parity } = slotOf(segments, index);
  const startedAt = performance.now();
  const digests = hashFragments(data, parity, { encodeParity });
  const allMs = performance.now() - startedAt;
  return { value: { digests, encodeSeconds: encodeMs / 1000, hashSeconds: (allMs - encodeMs) / 1000 } };
});
