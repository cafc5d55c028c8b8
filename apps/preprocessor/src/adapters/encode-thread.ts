import { workerData } from "node:worker_threads";
import {
  createCodec,
  createReferenceCodec,
  createSegmentHasher,
  type SegmentDigests,
  type SegmentHasherName,
  type SegmentMemory,
  slotOf,
} from "@granary/erasure";
import { serveGroups } from "@granary/service-runtime/thread";

/** The slot of the segment, which is this thread's until it answers. */
export type EncodeTask = number;

export interface EncodeResult {
  readonly digests: SegmentDigests;
  readonly by: SegmentHasherName;
  /** Of segments that were encoded together, each one's share. */
  readonly encodeSeconds: number;
  readonly hashSeconds: number;
}

/**
 * `native`: the native add-on, where it is there, sound and faster. `portable`: our codec beside node:crypto. `reference`:
 * the npm codec in its place, which the pipeline is measured against.
 */
export type EncodeEngine = "native" | "portable" | "reference";

export interface EncodeThreadData {
  readonly segments: SegmentMemory;
  readonly engine: EncodeEngine;
}

const { segments, engine } = workerData as EncodeThreadData;
const codec = engine === "reference" ? createReferenceCodec() : await createCodec(segments.memory);
const now = () => performance.now();
const hashSegments = engine === "native" ? createSegmentHasher(codec, now) : createSegmentHasher(codec, now, []);

serveGroups<EncodeTask, EncodeResult>((indices) => {
  const startedAt = now();
  const { digests, by, codingSeconds } = hashSegments(indices.map((index) => slotOf(segments, index)));
  const seconds = (now() - startedAt) / 1000;
  const share = {
    by,
    encodeSeconds: codingSeconds / indices.length,
    hashSeconds: (seconds - codingSeconds) / indices.length,
  };
  return digests.map((one) => ({ digests: one, ...share }));
});
