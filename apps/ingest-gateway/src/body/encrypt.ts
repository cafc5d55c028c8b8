import { type CipherKey, encryptSegment, plainBytesPerSegment } from "@granary/domain/object";

/** Ciphertext segments of a body, whole ones, as it streams: one plain and one encrypted segment are in memory. */
export async function* encryptBody(body: AsyncIterable<Uint8Array>, key: CipherKey): AsyncGenerator<Uint8Array> {
  const capacity = plainBytesPerSegment["cess-cipher"];
  const plain = new Uint8Array(capacity);
  let filled = 0;
  for await (const chunk of body) {
    for (let from = 0; from < chunk.length; ) {
      const piece = chunk.subarray(from, from + capacity - filled);
      plain.set(piece, filled);
      filled += piece.length;
      from += piece.length;
      if (filled === capacity) {
        yield encryptSegment(plain, key);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield encryptSegment(plain.subarray(0, filled), key);
}
