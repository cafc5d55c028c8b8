import { type CipherKey, decryptSegment, type Encryption } from "@granary/domain/object";
import type { SegmentSpan } from "@granary/domain/read";
import { KiB, SEGMENT_BYTES } from "@granary/primitives";
import type { ReadableObject, SegmentHandle, Segments } from "../ports.js";

/** What goes out at a time, and so what a slow client holds in memory. */
const PIECE_BYTES = 256 * KiB;
const BLOCK_BYTES = 16;

export interface Reading {
  readonly object: ReadableObject;
  readonly spans: readonly SegmentSpan[];
  readonly key: CipherKey | null;
}

export const encryptionOf = (key: CipherKey | null): Encryption => (key === null ? "none" : "cess-cipher");

/**
 * The bytes of the spans, in order; the next segment is fetched while the current one goes out. Closes `first` and
 * every other segment that it opens, however it ends.
 */
export async function* streamRange(
  segments: Segments,
  { object, spans, key }: Reading,
  first: SegmentHandle,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let handle = first;
  for (const [position, span] of spans.entries()) {
    const next = spans[position + 1];
    const ahead = next === undefined ? null : segments.prefetch(object, next.segment, signal);
    let isServed = false;
    try {
      yield* piecesOf(handle, span, key);
      isServed = true;
    } finally {
      handle.close();
      if (!isServed) void ahead?.then((unused) => unused.close()).catch(() => undefined);
    }
    if (next !== undefined) handle = await (ahead ?? segments.open(object, next.segment, signal));
  }
}

async function* piecesOf(handle: SegmentHandle, span: SegmentSpan, key: CipherKey | null): AsyncGenerator<Uint8Array> {
  const { start, end } = span.within;
  const tail = key === null ? null : await handle.read(SEGMENT_BYTES - 2 * BLOCK_BYTES, SEGMENT_BYTES);
  for (let from = start; from < end; ) {
    // Pieces end where stored slices end, so that no slice is read twice.
    const to = Math.min(end, from - (from % PIECE_BYTES) + PIECE_BYTES);
    yield key === null || tail === null ? await handle.read(from, to) : await decryptPiece(handle, from, to, key, tail);
    from = to;
  }
}

/**
 * Decrypts a stretch without the rest of its segment: the block before it, its own blocks, and the segment's end, which
 * shows whether the key is right, are a short segment of their own.
 */
async function decryptPiece(
  handle: SegmentHandle,
  from: number,
  to: number,
  key: CipherKey,
  tail: Uint8Array,
): Promise<Uint8Array> {
  const blockStart = from - (from % BLOCK_BYTES);
  const base = Math.max(0, blockStart - BLOCK_BYTES);
  const blocks = await handle.read(base, Math.ceil(to / BLOCK_BYTES) * BLOCK_BYTES);
  return decryptSegment(Buffer.concat([blocks, tail]), key, { start: from - base, end: to - base });
}
