import { createHash } from "node:crypto";
import {
  DATA_FRAGMENTS,
  digestOf,
  type FragmentHash,
  KiB,
  PARITY_FRAGMENTS,
  type SegmentHash,
} from "@granary/primitives";
import type { ErasureCodec } from "./codec.js";
import { fragmentLengthOf, sliceFragments } from "./shape.js";

/** Bytes of each fragment that are coded and hashed at a time: small enough to stay in the processor's cache. */
const SLICE_BYTES = 64 * KiB;

export interface SegmentDigests {
  readonly segmentHash: SegmentHash;
  /** Twelve, in column order. */
  readonly fragmentHashes: readonly FragmentHash[];
}

const sha256 = (bytes: Uint8Array) => digestOf(createHash("sha256").update(bytes).digest());

/**
 * The hashes of a segment and of its twelve fragments, which exist only a slice at a time: beyond the segment itself
 * this needs less than a MiB, whatever the segment's size.
 * @throws CodedError SEGMENT_LENGTH_INVALID (bug)
 */
export function hashSegment(segment: Uint8Array, codec: ErasureCodec): SegmentDigests {
  const length = fragmentLengthOf(segment);
  const data = sliceFragments(segment, length, DATA_FRAGMENTS);
  const parityHashes = Array.from({ length: PARITY_FRAGMENTS }, () => createHash("sha256"));
  const sliceBytes = Math.min(SLICE_BYTES, length);
  const gathered = new Uint8Array(DATA_FRAGMENTS * sliceBytes);
  const parity = new Uint8Array(PARITY_FRAGMENTS * sliceBytes);
  for (let from = 0; from < length; from += sliceBytes) {
    const size = Math.min(sliceBytes, length - from);
    data.forEach((fragment, k) => {
      gathered.set(fragment.subarray(from, from + size), k * size);
    });
    const coded = codec.encode(
      gathered.subarray(0, DATA_FRAGMENTS * size),
      parity.subarray(0, PARITY_FRAGMENTS * size),
    );
    parityHashes.forEach((hash, i) => {
      hash.update(coded[DATA_FRAGMENTS + i] as Uint8Array);
    });
  }
  return {
    segmentHash: sha256(segment) as SegmentHash,
    fragmentHashes: [...data.map(sha256), ...parityHashes.map((hash) => digestOf(hash.digest()))] as FragmentHash[],
  };
}
