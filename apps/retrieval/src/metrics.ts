import type { Register } from "@granary/telemetry";
import type { HedgeReason, Source } from "./ports.js";

const readCodes = [
  "ok",
  "not-modified",
  "broken-off",
  "FID_UNKNOWN",
  "FID_INVALID",
  "FRAGMENT_UNKNOWN",
  "RANGE_NOT_SATISFIABLE",
  "CIPHER_KEY_WRONG",
  "CIPHER_TOO_LONG",
  "FRAGMENTS_NOT_ENOUGH",
  "SEGMENT_CORRUPT",
  "MANIFEST_INVALID",
  "REQUEST_TIMEOUT",
  "SERVICE_UNREACHABLE",
  "OTHER",
] as const;
export type ReadCode = (typeof readCodes)[number];

const fragmentCodes = [
  "ok",
  "MINER_ENDPOINT_INVALID",
  "MINER_ADDRESS_FORBIDDEN",
  "MINER_UNREACHABLE",
  "MINER_TIMEOUT",
  "MINER_REFUSED",
  "MINER_SIGNATURE_REFUSED",
  "MINER_PROTOCOL",
  "FRAGMENT_NOT_HELD",
  "FRAGMENT_LENGTH_MISMATCH",
  "FRAGMENT_DIGEST_MISMATCH",
  "OTHER",
] as const;
export type FragmentCode = (typeof fragmentCodes)[number];

const oneOf = <C extends string>(codes: readonly C[], code: string): C | "OTHER" =>
  (codes as readonly string[]).includes(code) ? (code as C) : "OTHER";
export const readCodeOf = (code: string): ReadCode => oneOf(readCodes, code);
export const fragmentCodeOf = (code: string): FragmentCode => oneOf(fragmentCodes, code);

export type ReadSource = Source | "none";
export type RetrievalMetrics = ReturnType<typeof createRetrievalMetrics>;

export function createRetrievalMetrics(
  register: Register,
  read: {
    readonly cacheBytes: () => number;
    readonly buffersFree: () => number;
  },
) {
  const sources: readonly ReadSource[] = ["cache", "staged", "miners", "none"];
  return {
    reads: register.counter<{ source: ReadSource; outcome: ReadCode }>({
      name: "granary_retrieval_reads_total",
      help: "Reads ended, by where their first segment came from and how they ended",
      labels: { source: sources, outcome: readCodes },
    }),
    bytesOut: register.counter({
      name: "granary_retrieval_sent_bytes_total",
      help: "Bytes of objects sent to clients",
    }),
    firstByte: register.histogram<{ source: ReadSource }>({
      name: "granary_retrieval_first_byte_seconds",
      help: "From a request to the first byte of its answer",
      labels: { source: sources },
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    }),
    segments: register.counter<{ source: Source }>({
      name: "granary_retrieval_segments_total",
      help: "Segments loaded, by where they came from",
      labels: { source: ["cache", "staged", "miners"] },
    }),
    fragments: register.counter<{ code: FragmentCode }>({
      name: "granary_retrieval_fragments_total",
      help: "Fragments asked of miners, by how it ended",
      labels: { code: fragmentCodes },
    }),
    hedges: register.counter<{ reason: HedgeReason }>({
      name: "granary_retrieval_hedges_total",
      help: "Miners that were overtaken: slower than most of their class, or stuck",
      labels: { reason: ["slow", "stuck"] },
    }),
    evidence: register.counter({
      name: "granary_retrieval_corrupt_fragments_total",
      help: "Wrong fragments put on record",
    }),
    cacheLookups: register.counter<{ outcome: "hit" | "miss" | "dropped" }>({
      name: "granary_retrieval_cache_lookups_total",
      help: "Look-ups in the cache of segments; dropped: found, and not what it should be",
      labels: { outcome: ["hit", "miss", "dropped"] },
    }),
    cacheBytes: register.gauge({
      name: "granary_retrieval_cache_bytes",
      help: "Bytes in the cache of segments",
      collect: (gauge) => gauge.set({}, read.cacheBytes()),
    }),
    buffersFree: register.gauge({
      name: "granary_retrieval_segment_buffers_free",
      help: "Segment buffers that are free",
      collect: (gauge) => gauge.set({}, read.buffersFree()),
    }),
  };
}
