import { CodedError, KiB, SEGMENT_BYTES, SEGMENTS_PER_FILE_MAX, STORED_BYTES_PER_SEGMENT } from "@granary/primitives";

/** How plain bytes become segments. `cess-cipher`: see `cess-cipher.ts`; `aes-gcm`: see `../encryption/chunk.ts`. */
export type Encryption = "none" | "cess-cipher" | "aes-gcm";

/** PKCS#7 over a whole number of blocks adds one block more. */
const CIPHER_PADDING_BYTES = 16;

/** A chunk of the `aes-gcm` mode as it is stored: 512 of them fill a segment exactly. */
export const CHUNK_BYTES = 64 * KiB;
/** What shows that a chunk is as it was written; it stands at the chunk's end. */
export const CHUNK_TAG_BYTES = 16;
/** Bytes of the object in a full chunk. */
export const CHUNK_PLAIN_BYTES = CHUNK_BYTES - CHUNK_TAG_BYTES;

/** Bytes of the object that one full segment carries. */
export const plainBytesPerSegment: Readonly<Record<Encryption, number>> = {
  none: SEGMENT_BYTES,
  "cess-cipher": SEGMENT_BYTES - CIPHER_PADDING_BYTES,
  "aes-gcm": (SEGMENT_BYTES / CHUNK_BYTES) * CHUNK_PLAIN_BYTES,
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

/**
 * Bytes that wait in the blob store for an object of this size: `cess-cipher` pads inside the ciphertext, so whole
 * segments; `aes-gcm` adds a tag to each chunk.
 */
export function stagedBytesOf(sizeBytes: number, encryption: Encryption = "none"): number {
  switch (encryption) {
    case "none":
      return sizeBytes;
    case "cess-cipher":
      return segmentCountOf(sizeBytes, encryption) * SEGMENT_BYTES;
    case "aes-gcm":
      return sizeBytes + chunkCountOf(sizeBytes) * CHUNK_TAG_BYTES;
  }
}

/**
 * How an object is encrypted of which so many bytes are staged; null where they fit no mode. Where two fit, they cut it
 * into equally many segments.
 */
export function encryptionOfStaged(sizeBytes: number, stagedBytes: number): Encryption | null {
  const modes: readonly Encryption[] = ["none", "aes-gcm", "cess-cipher"];
  return modes.find((mode) => stagedBytesOf(sizeBytes, mode) === stagedBytes) ?? null;
}

/** Chunks of the `aes-gcm` mode in an object of this size. */
export function chunkCountOf(sizeBytes: number): number {
  return Math.ceil(sizeBytes / CHUNK_PLAIN_BYTES);
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
