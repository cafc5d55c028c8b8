import { type ByteRange, CHUNK_BYTES, CHUNK_PLAIN_BYTES, chunkCountOf, stagedBytesOf } from "../object/segmentation.js";

/** The chunks that a range of an object touches, and where they are stored. */
export interface ChunkSpan {
  readonly firstChunk: number;
  /** First byte and end in the stored object: segments one behind the other are chunks one behind the other. */
  readonly stored: ByteRange;
  /** Bytes to drop from the first chunk's plain bytes. */
  readonly skip: number;
  /** Bytes to give out after these. */
  readonly take: number;
  /** Number of the object's last chunk. */
  readonly lastChunk: number;
}

/** `range` lies in the object and has a byte at least. */
export function chunkSpanOf(range: ByteRange, sizeBytes: number): ChunkSpan {
  const firstChunk = Math.floor(range.start / CHUNK_PLAIN_BYTES);
  const endChunk = Math.ceil(range.end / CHUNK_PLAIN_BYTES);
  const storedBytes = stagedBytesOf(sizeBytes, "aes-gcm");
  return {
    firstChunk,
    stored: { start: firstChunk * CHUNK_BYTES, end: Math.min(endChunk * CHUNK_BYTES, storedBytes) },
    skip: range.start - firstChunk * CHUNK_PLAIN_BYTES,
    take: range.end - range.start,
    lastChunk: chunkCountOf(sizeBytes) - 1,
  };
}
