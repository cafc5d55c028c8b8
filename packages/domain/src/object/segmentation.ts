import { CodedError, SEGMENT_BYTES, SEGMENTS_PER_FILE_MAX, STORED_BYTES_PER_SEGMENT } from "@granary/primitives";

/** How plain bytes become segments. `cess-cipher`: see `cess-cipher.ts`. */
export type Encryption = "none" | "cess-cipher";

/** PKCS#7 over a whole number of blocks adds one block more. */
const CIPHER_PADDING_BYTES = 16;

/** Bytes of the object that one full segment carries. */
export const plainBytesPerSegment: Readonly<Record<Encryption, number>> = {
  none: SEGMENT_BYTES,
  "cess-cipher": SEGMENT_BYTES - CIPHER_PADDING_BYTES,
};

/** Bytes of an object, `start` ≤ offset < `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Segments of an object of this size; none for the empty object. */
export function segmentCountOf(sizeBytes: number, encryption: Encryption = "none"): number {
  return Math.ceil(sizeBytes / plainBytesPerSegment[encryption]);
}

/** The bytes of the object that segment `index` carries; the last segment's range ends where the object ends. */
export function segmentRange(index: number, sizeBytes: number, encryption: Encryption = "none"): ByteRange {
  const plainBytes = plainBytesPerSegment[encryption];
  if (!Number.isInteger(index) || index < 0 || index >= segmentCountOf(sizeBytes, encryption)) {
    throw new CodedError("SEGMENT_INDEX_INVALID", "bug", "the object has no such segment", { index, sizeBytes });
  }
  return { start: index * plainBytes, end: Math.min((index + 1) * plainBytes, sizeBytes) };
}

/** All ranges in order. They touch, do not overlap, and cover the object exactly. */
export function segmentRanges(sizeBytes: number, encryption: Encryption = "none"): ByteRange[] {
  return Array.from({ length: segmentCountOf(sizeBytes, encryption) }, (_, i) =>
    segmentRange(i, sizeBytes, encryption),
  );
}

/** Bytes that wait in the blob store for an object of this size: ciphertext is staged as whole segments. */
export function stagedBytesOf(sizeBytes: number, encryption: Encryption = "none"): number {
  return encryption === "none" ? sizeBytes : segmentCountOf(sizeBytes, encryption) * SEGMENT_BYTES;
}

/** The largest object that the chain takes in one order. */
export function objectBytesMax(encryption: Encryption = "none"): number {
  return SEGMENTS_PER_FILE_MAX * plainBytesPerSegment[encryption];
}

/** @throws CodedError OBJECT_SIZE_INVALID (bug), OBJECT_TOO_LARGE (invalid) */
export function checkObjectSize(sizeBytes: number, encryption: Encryption = "none"): void {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw new CodedError("OBJECT_SIZE_INVALID", "bug", "a size is a whole number of bytes", { sizeBytes });
  }
  const limitBytes = objectBytesMax(encryption);
  if (sizeBytes > limitBytes) {
    throw new CodedError("OBJECT_TOO_LARGE", "invalid", `an object has at most ${limitBytes} bytes`, {
      sizeBytes,
      limitBytes,
    });
  }
}

/** Territory space that the fragments of so many segments occupy. */
export function territoryBytesOf(segmentCount: number): number {
  return segmentCount * STORED_BYTES_PER_SEGMENT;
}

/** The chain wants strictly more free space than a file occupies. The empty object is never declared: it needs none. */
export function fitsTerritory(segmentCount: number, remainingBytes: number): boolean {
  return segmentCount === 0 || remainingBytes > territoryBytesOf(segmentCount);
}
