import { randomBytes } from "node:crypto";
import { chunkSpanOf, dataKeyOf, packRuns, prefixesOf } from "@granary/domain/encryption";
import { CHUNK_BYTES, CHUNK_PLAIN_BYTES, stagedBytesOf } from "@granary/domain/object";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { decryptChunks, encryptChunks, exactly } from "./chunks.js";
import { gcmCoding } from "./part-coding.js";

const key = dataKeyOf(randomBytes(32));
const prefix = randomBytes(7);
const prefixOf = prefixesOf(packRuns([{ firstChunk: 0, prefix }]));
const plain = randomBytes(4 * CHUNK_PLAIN_BYTES + 77);

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}

const encrypt = (bytes: Uint8Array, pieceBytes: number) =>
  collect(encryptChunks(cut(bytes, pieceBytes), key, { prefix, firstChunk: 0, endsObject: true }));

const decrypt = (stored: Uint8Array, range: { start: number; end: number }, sizeBytes: number, pieceBytes = 10_000) => {
  const span = chunkSpanOf(range, sizeBytes);
  const part = stored.subarray(span.stored.start, span.stored.end);
  return collect(decryptChunks(cut(part, pieceBytes), key, prefixOf, span));
};

const pieceBytes = fc.integer({ min: 1_000, max: 200_000 });

describe("an encrypted body", () => {
  it("is the same however it is cut, has the size that is staged for it, and shows nothing of the plain bytes", async () => {
    const edges = [1, CHUNK_PLAIN_BYTES - 1, CHUNK_PLAIN_BYTES, CHUNK_PLAIN_BYTES + 1, 2 * CHUNK_PLAIN_BYTES];
    for (const size of [...edges, plain.length]) {
      const stored = await encrypt(plain.subarray(0, size), 65_536);
      expect(stored).toHaveLength(stagedBytesOf(size, "aes-gcm"));
      expect((await encrypt(plain.subarray(0, size), 33_333)).equals(stored)).toBe(true);
      if (size >= 100) expect(stored.includes(plain.subarray(0, 16))).toBe(false);
      expect((await decrypt(stored, { start: 0, end: size }, size)).equals(plain.subarray(0, size))).toBe(true);
    }
    expect(await encrypt(new Uint8Array(0), 1)).toHaveLength(0);
  });

  it("gives every range, from the chunks that it touches", async () => {
    const stored = await encrypt(plain, 65_536);
    const range = fc.tuple(fc.nat(plain.length - 1), fc.nat(plain.length), fc.nat(16)).map(([start, length, shift]) => {
      return { start, end: Math.min(plain.length, start + 1 + (length >> shift)) };
    });
    await fc.assert(
      fc.asyncProperty(range, pieceBytes, async ({ start, end }, pieces) => {
        const opened = await decrypt(stored, { start, end }, plain.length, pieces);
        expect(opened.equals(plain.subarray(start, end))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it("of which a chunk was changed, moved, left out or cut gives right bytes before it, and none of it or after", async () => {
    const stored = await encrypt(plain, 65_536);
    const chunk = (index: number) => stored.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
    const flipped = Buffer.from(stored);
    flipped[2 * CHUNK_BYTES + 5] = (flipped[2 * CHUNK_BYTES + 5] as number) ^ 1;
    const swapped = Buffer.concat([chunk(0), chunk(1), chunk(3), chunk(2), chunk(4)]);
    const without = Buffer.concat([chunk(0), chunk(1), chunk(3), chunk(4)]);
    const ended = Buffer.concat([chunk(0), chunk(1), chunk(2).subarray(0, 100)]);
    for (const [bytes, code] of [
      [flipped, "CHUNK_NOT_AUTHENTIC"],
      [swapped, "CHUNK_NOT_AUTHENTIC"],
      [without, "CHUNK_NOT_AUTHENTIC"],
      [ended, "STORED_BYTES_MISSING"],
    ] as const) {
      const given: Buffer[] = [];
      const reading = async () => {
        const span = chunkSpanOf({ start: 0, end: plain.length }, plain.length);
        for await (const piece of decryptChunks(cut(bytes, 50_000), key, prefixOf, span))
          given.push(Buffer.from(piece));
      };
      await expect(reading()).rejects.toMatchObject({ code });
      expect(Buffer.concat(given).equals(plain.subarray(0, 2 * CHUNK_PLAIN_BYTES))).toBe(true);
    }
  });

  it("whose last chunks are gone is not taken for a shorter object", async () => {
    const stored = await encrypt(plain, 65_536);
    const size = 2 * CHUNK_PLAIN_BYTES;
    const cutOff = stored.subarray(0, 2 * CHUNK_BYTES);
    await expect(decrypt(cutOff, { start: 0, end: size }, size)).rejects.toMatchObject({ code: "CHUNK_NOT_AUTHENTIC" });
  });

  it("that has not the announced length is refused", async () => {
    for (const length of [99, 101]) {
      await expect(collect(exactly(cut(plain.subarray(0, length), 40), 100))).rejects.toMatchObject({
        code: "PART_LENGTH_WRONG",
      });
    }
    expect(await collect(exactly(cut(plain.subarray(0, 100), 40), 100))).toHaveLength(100);
  });
});

describe("parts of an encrypted object", () => {
  const draw = () => randomBytes(7);

  it("in any order make the object, each with a prefix of its own", async () => {
    const starts = [0, 1, 3].map((chunk) => chunk * CHUNK_PLAIN_BYTES);
    const order = fc.shuffledSubarray(starts, { minLength: 3, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(order, async (sent) => {
        const parts = new Map<number, { stored: Buffer; prefix: Uint8Array }>();
        for (const start of sent) {
          const end = starts[starts.indexOf(start) + 1] ?? plain.length;
          const { over, settle } = gcmCoding(key, { start, endsObject: end === plain.length }, draw).begin();
          const stored = await collect(over(cut(plain.subarray(start, end), 70_000)));
          const settled = settle({ sizeBytes: stored.length, sha256: "" });
          expect(settled.sizeBytes).toBe(end - start);
          parts.set(start, { stored, prefix: settled.noncePrefix as Uint8Array });
        }
        const runs = [...parts].map(([start, one]) => ({ firstChunk: start / CHUNK_PLAIN_BYTES, prefix: one.prefix }));
        const stored = Buffer.concat(starts.map((start) => parts.get(start)?.stored as Buffer));
        const span = chunkSpanOf({ start: 0, end: plain.length }, plain.length);
        const opened = await collect(decryptChunks(cut(stored, 10_000), key, prefixesOf(packRuns(runs)), span));
        expect(opened.equals(plain)).toBe(true);
      }),
      { numRuns: 10 },
    );
  });

  it("that come again are known by their digest, though they are never encrypted the same way twice", async () => {
    const coding = gcmCoding(key, { start: 0, endsObject: true }, draw);
    const once = async (bytes: Uint8Array) => {
      const { over, settle } = coding.begin();
      const stored = await collect(over(cut(bytes, 999)));
      return { stored, ...settle({ sizeBytes: stored.length, sha256: "" }) };
    };
    const [a, again, other] = [await once(plain), await once(plain), await once(plain.subarray(1))];
    expect(a.sha256).toBe(again.sha256);
    expect(a.sha256).toBe(await coding.digestOf(cut(plain, 5_000)));
    expect(a.sha256).not.toBe(other.sha256);
    expect(a.stored.equals(again.stored)).toBe(false);
  });
});
