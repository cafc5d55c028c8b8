import { createCipheriv } from "node:crypto";
import { MiB } from "@granary/primitives";

const CHUNK_BYTES = MiB;

/** Pseudo-random bytes, the same for the same key, in chunks: no two segments and no two fragments of it are equal. */
export async function* randomBytes(sizeBytes: number, key: number): AsyncGenerator<Uint8Array> {
  const stream = createCipheriv("aes-128-ctr", Buffer.alloc(16, key), Buffer.alloc(16, 7));
  const zeros = Buffer.alloc(CHUNK_BYTES);
  for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
    yield stream.update(zeros.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - at)));
  }
}

/** Reads a body to its end, and throws at the first byte that is not the one of `randomBytes`. */
export async function expectRandomBytes(
  body: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  key: number,
): Promise<void> {
  const truth = randomBytes(sizeBytes, key);
  let expected: Uint8Array = new Uint8Array(0);
  let received = 0;
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; ) {
      if (expected.length === 0) expected = ((await truth.next()).value as Uint8Array | undefined) ?? expected;
      const count = Math.min(expected.length, chunk.length - at);
      if (count === 0 || Buffer.compare(expected.subarray(0, count), chunk.subarray(at, at + count)) !== 0) {
        throw new Error(`a wrong byte within ${count} of ${received + at}`);
      }
      expected = expected.subarray(count);
      at += count;
    }
    received += chunk.length;
  }
  if (received !== sizeBytes) throw new Error(`${received} bytes came back of ${sizeBytes}`);
}
