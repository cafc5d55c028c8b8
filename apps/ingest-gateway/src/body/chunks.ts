import { type ChunkSpan, type DataKey, decryptChunk, encryptChunk } from "@granary/domain/encryption";
import { CHUNK_BYTES, CHUNK_PLAIN_BYTES } from "@granary/domain/object";
import { CodedError } from "@granary/primitives";

/** Where a body stands in its object. */
export interface BodyPlace {
  readonly prefix: Uint8Array;
  readonly firstChunk: number;
  /** The object ends with this body. */
  readonly endsObject: boolean;
}

/** Encrypted chunks of a body, as it streams: no more than one chunk is in memory, and none goes out in clear. */
export async function* encryptChunks(
  body: AsyncIterable<Uint8Array>,
  key: DataKey,
  { prefix, firstChunk, endsObject }: BodyPlace,
): AsyncGenerator<Uint8Array> {
  const plain = new Uint8Array(CHUNK_PLAIN_BYTES);
  let filled = 0;
  let index = firstChunk;
  for await (const piece of body) {
    for (let from = 0; from < piece.length; ) {
      // Held back until another byte comes: only then it is known not to be the last.
      if (filled === plain.length) {
        yield encryptChunk(plain, key, { prefix, index, isLast: false });
        index += 1;
        filled = 0;
      }
      const part = piece.subarray(from, from + plain.length - filled);
      plain.set(part, filled);
      filled += part.length;
      from += part.length;
    }
  }
  if (filled > 0) yield encryptChunk(plain.subarray(0, filled), key, { prefix, index, isLast: endsObject });
}

/**
 * The plain bytes of a span out of its stored bytes, as they stream. A chunk's bytes go out when all of it is authentic;
 * where one is not, this throws, and what went out before is right.
 *
 * @throws CodedError CHUNK_NOT_AUTHENTIC (corrupt), STORED_BYTES_MISSING (unavailable)
 */
export async function* decryptChunks(
  body: AsyncIterable<Uint8Array>,
  key: DataKey,
  prefixOf: (chunk: number) => Uint8Array,
  span: ChunkSpan,
): AsyncGenerator<Uint8Array> {
  let { skip, take } = span;
  let index = span.firstChunk;
  for await (const chunk of chunksOf(body, span.stored.end - span.stored.start)) {
    const plain = decryptChunk(chunk, key, { prefix: prefixOf(index), index, isLast: index === span.lastChunk });
    const wanted = plain.subarray(skip, skip + take);
    yield wanted;
    skip = 0;
    take -= wanted.length;
    index += 1;
  }
}

async function* chunksOf(body: AsyncIterable<Uint8Array>, storedBytes: number): AsyncGenerator<Uint8Array> {
  const gathered = new Uint8Array(CHUNK_BYTES);
  let filled = 0;
  let left = storedBytes;
  for await (const piece of body) {
    for (let from = 0; from < piece.length && left > 0; ) {
      const length = Math.min(CHUNK_BYTES, left);
      if (filled === 0 && piece.length - from >= length) {
        yield piece.subarray(from, from + length);
        from += length;
        left -= length;
        continue;
      }
      const part = piece.subarray(from, from + length - filled);
      gathered.set(part, filled);
      filled += part.length;
      from += part.length;
      if (filled === length) {
        yield gathered.subarray(0, length);
        filled = 0;
        left -= length;
      }
    }
    if (left === 0) return;
  }
  if (left > 0) throw new CodedError("STORED_BYTES_MISSING", "unavailable", "the stored object ended early", { left });
}

/** @throws CodedError PART_LENGTH_WRONG (invalid), where a body has not exactly so many bytes */
export async function* exactly(body: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let count = 0;
  const wrong = () =>
    new CodedError("PART_LENGTH_WRONG", "invalid", `${count} bytes came where ${bytes} were announced`);
  for await (const piece of body) {
    count += piece.length;
    if (count > bytes) throw wrong();
    yield piece;
  }
  if (count < bytes) throw wrong();
}
