import { type NativeEngine, nativeEngineNames } from "@granary/native";
import { digestOf, type FragmentHash, type SegmentHash } from "@granary/primitives";
import type { ErasureCodec } from "./codec.js";
import { hashFragments, type SegmentDigests } from "./hash-segment.js";
import type { Slot } from "./segment-memory.js";

/** What hashes segments: a native engine, or node:crypto beside one of the codecs. */
export const segmentHasherNames = [...nativeEngineNames, "simd", "subspace"] as const;
export type SegmentHasherName = (typeof segmentHasherNames)[number];

export interface HashedSegments {
  readonly digests: readonly SegmentDigests[];
  /** Who did it. */
  readonly by: SegmentHasherName;
  /** Of the time it took, what coding took. */
  readonly codingSeconds: number;
}

/** All hashes of any number of segments. Several at a time may take less for each of them. */
export type HashSegments = (slots: readonly Slot[]) => HashedSegments;

/** Milliseconds of a clock that never goes back. */
export type Clock = () => number;

/** node:crypto, one stream at a time, of what a codec makes. Parity passes through the slots' own tiles. */
export function portableHasher(codec: ErasureCodec, now: Clock): HashSegments {
  return (slots) => {
    let codingMs = 0;
    const encodeParity: ErasureCodec["encodeParity"] = (data, parity) => {
      const startedAt = now();
      codec.encodeParity(data, parity);
      codingMs += now() - startedAt;
    };
    const digests = slots.map(({ data, parity }) => hashFragments(data, parity, { encodeParity }));
    return { digests, by: codec.name as SegmentHasherName, codingSeconds: codingMs / 1000 };
  };
}

/** A native engine, with as many segments in its lanes as there are and fit. Fragments are whole blocks of 64 bytes. */
export function nativeHasher(engine: NativeEngine): HashSegments {
  return (slots) => {
    const digests: SegmentDigests[] = [];
    let codingSeconds = 0;
    for (let from = 0; from < slots.length; from += engine.groupMax) {
      const group = engine.hashSegments(slots.slice(from, from + engine.groupMax).map(({ data }) => data));
      digests.push(...group.digests.map(segmentDigestsOf));
      codingSeconds += group.codingSeconds;
    }
    return { digests, by: engine.name, codingSeconds };
  };
}

function segmentDigestsOf([whole, ...fragments]: readonly Uint8Array[]): SegmentDigests {
  return {
    segmentHash: digestOf(whole as Uint8Array) as SegmentHash,
    fragmentHashes: fragments.map((digest) => digestOf(digest) as FragmentHash),
  };
}
