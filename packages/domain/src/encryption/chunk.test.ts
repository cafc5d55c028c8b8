import { inspect } from "node:util";
import type { AccountId, UploadId } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { CHUNK_BYTES, CHUNK_PLAIN_BYTES, chunkCountOf, stagedBytesOf } from "../object/segmentation.js";
import { type ChunkPlace, dataKeyOf, decryptChunk, encryptChunk } from "./chunk.js";
import { packRuns, prefixesOf } from "./prefix-run.js";
import { chunkSpanOf } from "./span.js";
import { type KeyBinding, partDigest, unwrapDataKey, wrapDataKey, wrappingKeyOf } from "./wrap.js";

const key = dataKeyOf(new Uint8Array(32).fill(1));
const prefix = new Uint8Array(7).fill(2);
const isSame = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
const notAuthentic = expect.objectContaining({ code: "CHUNK_NOT_AUTHENTIC", category: "corrupt" });
const full = Uint8Array.from({ length: CHUNK_PLAIN_BYTES }, (_, i) => i * 7);

/** An object as its chunks. */
function encryptAll(plain: Uint8Array): Uint8Array[] {
  const count = chunkCountOf(plain.length);
  return Array.from({ length: count }, (_, index) =>
    encryptChunk(plain.subarray(index * CHUNK_PLAIN_BYTES, (index + 1) * CHUNK_PLAIN_BYTES), key, {
      prefix,
      index,
      isLast: index === count - 1,
    }),
  );
}

/** What a reader does who knows the object's size. */
const open = (chunks: readonly Uint8Array[], count = chunks.length) =>
  Buffer.concat(chunks.map((chunk, index) => decryptChunk(chunk, key, { prefix, index, isLast: index === count - 1 })));

describe("a chunk", () => {
  it("is 64 KiB when full, and gives back what went in, for every length of the last one", () => {
    expect(encryptChunk(full, key, { prefix, index: 0, isLast: false })).toHaveLength(CHUNK_BYTES);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: CHUNK_PLAIN_BYTES }), fc.nat(512_000), (length, index) => {
        const place = { prefix, index, isLast: true };
        const chunk = encryptChunk(full.subarray(0, length), key, place);
        expect(isSame(decryptChunk(chunk, key, place), full.subarray(0, length))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("of which any bit was changed does not open", () => {
    const place = { prefix, index: 3, isLast: true };
    const chunk = encryptChunk(full.subarray(0, 100), key, place);
    fc.assert(
      fc.property(fc.nat(chunk.length - 1), fc.nat(7), (at, bit) => {
        const changed = Uint8Array.from(chunk);
        changed[at] = (changed[at] as number) ^ (1 << bit);
        expect(() => decryptChunk(changed, key, place)).toThrow(notAuthentic);
      }),
    );
  });

  it("opens in its own place only: not elsewhere, not as another end, not with another prefix, not in another object", () => {
    const place: ChunkPlace = { prefix, index: 5, isLast: false };
    const chunk = encryptChunk(full, key, place);
    for (const other of [
      { ...place, index: 4 },
      { ...place, index: 5 + 256 },
      { ...place, isLast: true },
      { ...place, prefix: new Uint8Array(7).fill(3) },
    ]) {
      expect(() => decryptChunk(chunk, key, other)).toThrow(notAuthentic);
    }
    expect(() => decryptChunk(chunk, dataKeyOf(new Uint8Array(32).fill(9)), place)).toThrow(notAuthentic);
  });

  it("may be short only at the end, and is never empty", () => {
    for (const [length, isLast] of [
      [0, true],
      [CHUNK_PLAIN_BYTES - 1, false],
      [CHUNK_PLAIN_BYTES + 1, true],
    ] as const) {
      expect(() => encryptChunk(new Uint8Array(length), key, { prefix, index: 0, isLast })).toThrow(
        expect.objectContaining({ code: "CHUNK_LENGTH_INVALID" }),
      );
    }
    for (const index of [-1, 0.5, 2 ** 32]) {
      expect(() => encryptChunk(full, key, { prefix, index, isLast: true })).toThrow(
        expect.objectContaining({ code: "CHUNK_PLACE_INVALID" }),
      );
    }
  });
});

describe("an object in chunks", () => {
  const plain = Uint8Array.from({ length: 2 * CHUNK_PLAIN_BYTES + 500 }, (_, i) => i >> 3);
  const chunks = encryptAll(plain) as [Uint8Array, Uint8Array, Uint8Array];

  it("has the size that is staged for it, also where it ends with a chunk", () => {
    for (const size of [1, CHUNK_PLAIN_BYTES - 1, CHUNK_PLAIN_BYTES, CHUNK_PLAIN_BYTES + 1, plain.length]) {
      const stored = encryptAll(plain.subarray(0, size));
      expect(stored.reduce((sum, chunk) => sum + chunk.length, 0)).toBe(stagedBytesOf(size, "aes-gcm"));
    }
    expect(isSame(open(chunks), plain)).toBe(true);
  });

  it("that is cut off, reordered, or has a chunk twice does not open", () => {
    const [a, b, c] = chunks;
    expect(() => open([a, b])).toThrow(notAuthentic);
    expect(() => open([b, a, c])).toThrow(notAuthentic);
    expect(() => open([a, a, c])).toThrow(notAuthentic);
    expect(() => open([a, b, b, c])).toThrow(notAuthentic);
  });

  it("gives every range from the chunks that it touches, and needs no other", () => {
    const stored = Buffer.concat(chunks);
    const range = fc.tuple(fc.nat(plain.length - 1), fc.nat(plain.length)).map(([start, length]) => {
      return { start, end: Math.min(plain.length, start + 1 + (length >> (length % 17))) };
    });
    fc.assert(
      fc.property(range, ({ start, end }) => {
        const span = chunkSpanOf({ start, end }, plain.length);
        const part = stored.subarray(span.stored.start, span.stored.end);
        const opened: Uint8Array[] = [];
        for (let at = 0; at < part.length; at += CHUNK_BYTES) {
          const index = span.firstChunk + at / CHUNK_BYTES;
          const place = { prefix, index, isLast: index === span.lastChunk };
          opened.push(decryptChunk(part.subarray(at, at + CHUNK_BYTES), key, place));
        }
        const given = Buffer.concat(opened).subarray(span.skip, span.skip + span.take);
        expect(isSame(given, plain.subarray(start, end))).toBe(true);
        const touched = Math.floor((end - 1) / CHUNK_PLAIN_BYTES) - Math.floor(start / CHUNK_PLAIN_BYTES) + 1;
        expect(opened).toHaveLength(touched);
      }),
      { numRuns: 200 },
    );
  });
});

describe("runs of prefixes", () => {
  const runs = fc
    .uniqueArray(fc.integer({ min: 1, max: 600_000 }), { maxLength: 40 })
    .map((starts) => [0, ...starts].map((firstChunk, i) => ({ firstChunk, prefix: new Uint8Array(7).fill(i) })));

  it("give each chunk the prefix of the run that it lies in, in whatever order they were given", () => {
    fc.assert(
      fc.property(runs, fc.nat(600_000), fc.nat(), (list, anywhere, pick) => {
        // Also where a run begins, and just before.
        const edge = (list[pick % list.length]?.firstChunk ?? 0) - (pick % 2);
        const chunk = pick % 3 === 0 ? anywhere : Math.max(0, edge);
        const prefixOf = prefixesOf(packRuns([...list].reverse()));
        const own = list.filter(({ firstChunk }) => firstChunk <= chunk).sort((a, b) => b.firstChunk - a.firstChunk)[0];
        expect(isSame(prefixOf(chunk), own?.prefix as Uint8Array)).toBe(true);
      }),
    );
  });

  it("that do not cover the object, or are torn, are refused", () => {
    const invalid = expect.objectContaining({ code: "PREFIX_RUNS_INVALID" });
    expect(() => packRuns([])).toThrow(invalid);
    expect(() => packRuns([{ firstChunk: 1, prefix }])).toThrow(invalid);
    expect(() =>
      packRuns([
        { firstChunk: 0, prefix },
        { firstChunk: 0, prefix },
      ]),
    ).toThrow(invalid);
    expect(() => prefixesOf(packRuns([{ firstChunk: 0, prefix }]).subarray(0, 10))).toThrow(invalid);
  });
});

describe("a wrapped data key", () => {
  const wrapping = wrappingKeyOf(new Uint8Array(32).fill(7));
  const binding: KeyBinding = { uploadId: "u" as UploadId, account: "a" as AccountId, sizeBytes: 5 };
  const wrapped = wrapDataKey(key, wrapping, binding, new Uint8Array(12).fill(8));

  it("comes back with the right key only, and only for what it was wrapped for", () => {
    expect(unwrapDataKey(wrapped, wrapping, binding).equals(key)).toBe(true);
    const wrong = expect.objectContaining({ code: "ENCRYPTION_KEY_WRONG", category: "denied" });
    expect(() => unwrapDataKey(wrapped, wrappingKeyOf(new Uint8Array(32)), binding)).toThrow(wrong);
    for (const other of [
      { ...binding, uploadId: "v" as UploadId },
      { ...binding, account: "b" as AccountId },
      { ...binding, sizeBytes: 6 },
    ]) {
      expect(() => unwrapDataKey(wrapped, wrapping, other)).toThrow(wrong);
    }
    for (const torn of [wrapped.subarray(1), wrapped.subarray(0, 20), new Uint8Array(0)]) {
      expect(() => unwrapDataKey(torn, wrapping, binding)).toThrow(wrong);
    }
  });

  it("shows no key, wrapped or not, in a log", () => {
    const shown = [JSON.stringify(key), inspect(key, { depth: 9, showHidden: true }), String(key)].join();
    expect(shown).not.toMatch(/0101|1,\s?1,\s?1|AQEB/);
    expect(Buffer.from(wrapped).includes(Buffer.alloc(8, 1))).toBe(false);
  });

  it("has 32 bytes", () => {
    expect(() => wrappingKeyOf(new Uint8Array(31))).toThrow(expect.objectContaining({ code: "WRAPPING_KEY_INVALID" }));
    expect(() => dataKeyOf(new Uint8Array(33))).toThrow(expect.objectContaining({ code: "DATA_KEY_INVALID" }));
  });

  it("makes digests of parts that only its holder can make", () => {
    const digest = (dataKey: typeof key, text: string) => {
      const parts = partDigest(dataKey);
      for (const letter of text) parts.update(Buffer.from(letter));
      return parts.hex();
    };
    expect(digest(key, "same")).toBe(digest(key, "same"));
    expect(digest(key, "same")).not.toBe(digest(key, "other"));
    expect(digest(key, "same")).not.toBe(digest(dataKeyOf(new Uint8Array(32)), "same"));
  });
});
