import { createHash, type Hash } from "node:crypto";
import {
  DATA_FRAGMENTS,
  digestOf,
  type FragmentHash,
  KiB,
  PARITY_FRAGMENTS,
  type SegmentHash,
} from "@granary/primitives";
import type { ErasureCodec } from "./codec.js";
import { fragmentLengthOf, lengthOfAll, sliceFragments } from "./shape.js";

/** Bytes of each fragment that are coded and hashed at a time where the caller brings no tiles. */
const TILE_BYTES = 32 * KiB;

export interface SegmentDigests {
  readonly segmentHash: SegmentHash;
  /** Twelve, in column order. */
  readonly fragmentHashes: readonly FragmentHash[];
}

/**
 * The hashes of a segment and of its twelve fragments, whose parity exists only a slice at a time: beyond the segment
 * itself this needs less than a MiB, whatever the segment's size.
 * @throws CodedError SEGMENT_LENGTH_INVALID (bug)
 */
export function hashSegment(segment: Uint8Array, codec: ErasureCodec): SegmentDigests {
  const length = fragmentLengthOf(segment);
  const tileBytes = Math.min(TILE_BYTES, length);
  const tiles = sliceFragments(new Uint8Array(PARITY_FRAGMENTS * tileBytes), tileBytes, PARITY_FRAGMENTS);
  return hashFragments(sliceFragments(segment, length, DATA_FRAGMENTS), tiles, codec);
}

/**
 * The same from four data fragments, wherever they lie; parity passes through the eight `tiles`, as many bytes of each
 * fragment at a time as a tile has.
 * @throws CodedError FRAGMENT_COUNT_INVALID, FRAGMENT_ROOM_INVALID (bug)
 */
export function hashFragments(
  data: readonly Uint8Array[],
  tiles: readonly Uint8Array[],
  codec: Pick<ErasureCodec, "encodeParity">,
): SegmentDigests {
  const length = lengthOfAll(data, DATA_FRAGMENTS);
  const tileBytes = lengthOfAll(tiles, PARITY_FRAGMENTS);
  const parityHashes = tiles.map(() => createHash("sha256"));
  const dataHashes = data.map(() => createHash("sha256"));
  for (let from = 0; from < length; from += tileBytes) {
    const to = Math.min(from + tileBytes, length);
    const slices = data.map((fragment) => fragment.subarray(from, to));
    const parity = tiles.map((tile) => tile.subarray(0, to - from));
    codec.encodeParity(slices, parity);
    dataHashes.forEach((hash, k) => {
      hash.update(slices[k] as Uint8Array);
    });
    parityHashes.forEach((hash, i) => {
      hash.update(parity[i] as Uint8Array);
    });
  }
  // The segment begins with its first fragment, so up to there the two hashes are one.
  const whole = (dataHashes[0] as Hash).copy();
  for (const fragment of data.slice(1)) whole.update(fragment);
  return {
    segmentHash: digestOf(whole.digest()) as SegmentHash,
    fragmentHashes: [...dataHashes, ...parityHashes].map((hash) => digestOf(hash.digest())) as FragmentHash[],
  };
}
