import { inspect } from "node:util";
import { SEGMENT_BYTES } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { cipherKeyOf, decryptSegment, encryptSegment, opensWith } from "./cess-cipher.js";

const key = cipherKeyOf("123456");
const isSame = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
const segmentBytes = fc.integer({ min: 2, max: 40 }).map((blocks) => 16 * blocks);

describe("the CESS cipher mode", () => {
  it("gives back every range of every segment", () => {
    fc.assert(
      fc.property(segmentBytes, fc.infiniteStream(fc.nat(255)), fc.nat(), fc.nat(), (size, bytes, x, y) => {
        const plain = Uint8Array.from({ length: x % (size - 15) }, () => bytes.next().value as number);
        const segment = encryptSegment(plain, key, size);
        expect(segment).toHaveLength(size);
        const padded = new Uint8Array(size - 16);
        padded.set(plain);
        expect(isSame(decryptSegment(segment, key, { start: 0, end: padded.length }), padded)).toBe(true);
        const start = y % padded.length;
        const end = start + (x % (padded.length - start + 1));
        expect(isSame(decryptSegment(segment, key, { start, end }), padded.subarray(start, end))).toBe(true);
      }),
    );
  });

  it("gives back segments of full size, across the slices it works in", () => {
    const plain = new Uint8Array(SEGMENT_BYTES - 16 - 5);
    for (let i = 0; i < plain.length; i += 1) plain[i] = i * 31 + (i >> 9);
    const segment = encryptSegment(plain, key);
    expect(segment).toHaveLength(SEGMENT_BYTES);
    for (const [start, end] of [
      [0, plain.length],
      [1_048_575, 1_048_577],
      [1_048_576, 2_097_153],
      [plain.length - 1, plain.length],
      [0, 0],
    ] as const) {
      expect(isSame(decryptSegment(segment, key, { start, end }), plain.subarray(start, end))).toBe(true);
    }
  });

  it("refuses a wrong cipher before any byte, from the segment's end alone", () => {
    const segment = encryptSegment(new Uint8Array(100), key, 160);
    expect(opensWith(segment.subarray(-32), key)).toBe(true);
    for (const other of ["12345", "1234567", "654321", "x".repeat(32)]) {
      const wrong = cipherKeyOf(other);
      expect(opensWith(segment.subarray(-32), wrong)).toBe(false);
      expect(() => decryptSegment(segment, wrong, { start: 0, end: 16 })).toThrow(
        expect.objectContaining({ code: "CIPHER_WRONG", category: "denied" }),
      );
    }
  });

  it("fills a short cipher with ASCII zeros: the filled text is the same cipher", () => {
    const plain = new Uint8Array([1, 2, 3]);
    const filled = cipherKeyOf("123456".padEnd(32, "0"));
    expect(isSame(encryptSegment(plain, key, 64), encryptSegment(plain, filled, 64))).toBe(true);
  });

  it("takes 1 to 32 bytes, counted in UTF-8", () => {
    expect(() => cipherKeyOf("界".repeat(10))).not.toThrow();
    expect(() => cipherKeyOf("")).toThrow(expect.objectContaining({ code: "CIPHER_EMPTY", category: "invalid" }));
    for (const long of ["x".repeat(33), "界".repeat(11)]) {
      expect(() => cipherKeyOf(long)).toThrow(
        expect.objectContaining({ code: "CIPHER_TOO_LONG", category: "invalid" }),
      );
    }
  });

  it("shows its key in no log", () => {
    const secret = cipherKeyOf("a-secret-cipher");
    const shown = [JSON.stringify(secret), inspect(secret, { depth: 9, showHidden: true }), String(secret)].join();
    expect(shown).not.toContain("a-secret");
    expect(shown).not.toContain(Buffer.from("a-secret").toString("hex"));
    expect(shown).not.toMatch(/61,\s?2d|97,\s?45/);
  });

  it("refuses more bytes than a segment carries, and ranges beyond it", () => {
    expect(() => encryptSegment(new Uint8Array(49), key, 64)).toThrow(
      expect.objectContaining({ code: "SEGMENT_LENGTH_INVALID" }),
    );
    expect(() => encryptSegment(new Uint8Array(1), key, 63)).toThrow(
      expect.objectContaining({ code: "SEGMENT_LENGTH_INVALID" }),
    );
    const segment = encryptSegment(new Uint8Array(48), key, 64);
    for (const [start, end] of [
      [0, 49],
      [-1, 3],
      [5, 4],
    ] as const) {
      expect(() => decryptSegment(segment, key, { start, end })).toThrow(
        expect.objectContaining({ code: "RANGE_INVALID" }),
      );
    }
  });
});
