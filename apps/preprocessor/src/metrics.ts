import { type SegmentHasherName, segmentHasherNames } from "@granary/erasure";
import type { Register } from "@granary/telemetry";
import { type EncodeOutcome, type OpenEncodingState, type OpenEncodings, openEncodingStates } from "./ports.js";

const failureCodes = [
  "STAGED_OBJECT_ABSENT",
  "STAGED_OBJECT_TRUNCATED",
  "STAGED_OBJECT_OVERLONG",
  "STAGED_READ_FAILED",
  "OBJECT_EMPTY",
  "OBJECT_TOO_LARGE",
  "MANIFEST_INVALID",
  "THREAD_ENDED",
  "UNEXPECTED",
  "OTHER",
] as const;
export type FailureCode = (typeof failureCodes)[number];
export const failureCodeOf = (code: string): FailureCode =>
  (failureCodes as readonly string[]).includes(code) ? (code as FailureCode) : "OTHER";

const outcomes: readonly EncodeOutcome[] = ["encoded", "failed", "retried", "interrupted", "not-due"];
const segmentSeconds = [0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2];

export type PreprocessorMetrics = ReturnType<typeof createPreprocessorMetrics>;

export function createPreprocessorMetrics(
  register: Register,
  read: {
    readonly encodings: () => Promise<OpenEncodings>;
    readonly buffersInUse: () => number;
  },
) {
  const labels = { state: openEncodingStates };
  register.gauge<"granary_preprocessor_encodings", { state: OpenEncodingState }>({
    name: "granary_preprocessor_encodings",
    help: "Uploads whose encoding has not ended, by state",
    labels,
    collect: async (gauge) => {
      const encodings = await read.encodings();
      for (const state of openEncodingStates) gauge.set({ state }, encodings[state].count);
    },
  });
  register.gauge<"granary_preprocessor_oldest_encoding_seconds", { state: OpenEncodingState }>({
    name: "granary_preprocessor_oldest_encoding_seconds",
    help: "How long ago the oldest of them came, by state",
    labels,
    collect: async (gauge) => {
      const encodings = await read.encodings();
      for (const state of openEncodingStates) gauge.set({ state }, encodings[state].oldestSeconds);
    },
  });
  return {
    uploads: register.counter<{ outcome: EncodeOutcome }>({
      name: "granary_preprocessor_encodings_total",
      help: "Attempts to encode an upload, by how they ended",
      labels: { outcome: outcomes },
    }),
    failures: register.counter<{ code: FailureCode; outcome: "failed" | "retried" }>({
      name: "granary_preprocessor_failures_total",
      help: "Attempts that ended in an error, by its code, and whether they are tried again",
      labels: { code: failureCodes, outcome: ["failed", "retried"] },
    }),
    segments: register.counter<{ engine: SegmentHasherName }>({
      name: "granary_preprocessor_segments_total",
      help: "Segments encoded and hashed, by what did it: a native engine, or node:crypto beside a codec",
      labels: { engine: segmentHasherNames },
    }),
    encodeSeconds: register.histogram({
      name: "granary_preprocessor_segment_encode_seconds",
      help: "Erasure coding of one segment",
      buckets: segmentSeconds,
    }),
    hashSeconds: register.histogram({
      name: "granary_preprocessor_segment_hash_seconds",
      help: "Hashing of one segment and its fragments",
      buckets: segmentSeconds,
    }),
    buffers: register.gauge({
      name: "granary_preprocessor_segment_buffers",
      help: "Segment buffers in use",
      collect: (gauge) => gauge.set({}, read.buffersInUse()),
    }),
  };
}
