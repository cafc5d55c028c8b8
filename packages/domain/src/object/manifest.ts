import {
  CodedError,
  type Fid,
  FRAGMENTS_PER_SEGMENT,
  type FragmentHash,
  isDigest,
  SEGMENTS_PER_FILE_MAX,
  type SegmentHash,
} from "@granary/primitives";
import { fidOf } from "./fid.js";
import { type Encryption, segmentCountOf } from "./segmentation.js";

export interface SegmentManifest {
  readonly hash: SegmentHash;
  /** Twelve, column 1 first. */
  readonly fragments: readonly FragmentHash[];
}

/** An object as hashes: what is declared on chain, and all that is needed to check every byte of it. */
export interface ObjectManifest {
  readonly fid: Fid;
  /** Bytes as the owner knows them: before padding and encryption. */
  readonly sizeBytes: number;
  readonly segments: readonly SegmentManifest[];
}

export type ManifestFault =
  | { readonly rule: "size-is-a-byte-count" }
  | { readonly rule: "segment-count-within-limit" }
  | { readonly rule: "segment-count-fits-size" }
  | { readonly rule: "hashes-are-digests"; readonly segment: number }
  | { readonly rule: "twelve-fragments"; readonly segment: number }
  | { readonly rule: "fid-is-tree-root" };

const encryptions: readonly Encryption[] = ["none", "cess-cipher", "aes-gcm"];

/**
 * The first broken invariant, or null. Without `encryption` the segment count may be that of any: a file found on
 * chain does not say how it is encrypted.
 */
export function manifestFault(manifest: ObjectManifest, encryption?: Encryption): ManifestFault | null {
  const { sizeBytes, segments } = manifest;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) return { rule: "size-is-a-byte-count" };
  if (segments.length > SEGMENTS_PER_FILE_MAX) return { rule: "segment-count-within-limit" };
  const counts = (encryption === undefined ? encryptions : [encryption]).map((one) => segmentCountOf(sizeBytes, one));
  if (!counts.includes(segments.length)) return { rule: "segment-count-fits-size" };
  for (const [index, segment] of segments.entries()) {
    if (segment.fragments.length !== FRAGMENTS_PER_SEGMENT) return { rule: "twelve-fragments", segment: index };
    if (!isDigest(segment.hash) || !segment.fragments.every(isDigest)) {
      return { rule: "hashes-are-digests", segment: index };
    }
  }
  if (fidOf(segments.map(({ hash }) => hash)) !== manifest.fid) return { rule: "fid-is-tree-root" };
  return null;
}

/** The manifest of an object that we encoded ourselves. @throws CodedError MANIFEST_INVALID (bug) */
export function sealManifest(
  sizeBytes: number,
  segments: readonly SegmentManifest[],
  encryption: Encryption = "none",
): ObjectManifest {
  const manifest = { fid: fidOf(segments.map(({ hash }) => hash)), sizeBytes, segments };
  const fault = manifestFault(manifest, encryption);
  if (fault !== null) {
    throw new CodedError("MANIFEST_INVALID", "bug", "the encoding of an object breaks its own rules", { ...fault });
  }
  return manifest;
}

/** The fragments of one column (1..12), in segment order: what one miner holds. @throws CodedError COLUMN_INVALID (bug) */
export function columnOf(manifest: Pick<ObjectManifest, "segments">, column: number): FragmentHash[] {
  if (!Number.isInteger(column) || column < 1 || column > FRAGMENTS_PER_SEGMENT) {
    throw new CodedError("COLUMN_INVALID", "bug", `a column is 1 to ${FRAGMENTS_PER_SEGMENT}`, { column });
  }
  return manifest.segments.map(({ fragments }) => fragments[column - 1] as FragmentHash);
}
