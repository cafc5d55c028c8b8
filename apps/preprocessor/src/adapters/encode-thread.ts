import { createCodec, type ErasureCodec, hashSegment, type SegmentDigests } from "@granary/erasure";
import { serveThread } from "@granary/service-runtime/thread";

/** A segment, which belongs to the thread until it comes back with the result. */
export type EncodeTask = ArrayBuffer;

export interface EncodeResult {
  readonly digests: SegmentDigests;
  readonly segment: ArrayBuffer;
  readonly encodeSeconds: number;
  readonly hashSeconds: number;
}

const codec = await createCodec();
let encodeMs = 0;
const timedCodec: ErasureCodec = {
  name: codec.name,
  encode(segment, parity) {
    const startedAt = performance.now();
    const fragments = codec.encode(segment, parity);
    encodeMs += performance.now() - startedAt;
    return fragments;
  },
  encodeRow: (segment, row) => codec.encodeRow(segment, row),
  reconstruct: (fragments, into) => codec.reconstruct(fragments, into),
};

serveThread<EncodeTask, EncodeResult>((segment) => {
  encodeMs = 0;
  const startedAt = performance.now();
  const digests = hashSegment(new Uint8Array(segment), timedCodec);
  const allMs = performance.now() - startedAt;
  const value = { digests, segment, encodeSeconds: encodeMs / 1000, hashSeconds: (allMs - encodeMs) / 1000 };
  return { value, transfer: [segment] };
});
