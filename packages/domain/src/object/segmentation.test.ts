import { MiB, SEGMENT_BYTES } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  checkObjectSize,
  type Encryption,
  fitsTerritory,
  objectBytesMax,
  segmentCountOf,
  segmentRange,
  segmentRanges,
  stagedBytesOf,
  territoryBytesOf,
} from "./segmentation.js";

const encryption = fc.constantFrom<Encryption>("none", "cess-cipher");
const size = fc.oneof(
  fc.integer({ min: 0, max: 1000 * (SEGMENT_BYTES - 16) }),
  fc
    .tuple(fc.integer({ min: 0, max: 999 }), fc.integer({ min: -33, max: 33 }))
    .map(([n, offset]) => Math.max(0, n * SEGMENT_BYTES + offset)),
);

describe("segmentation", () => {
  it("covers every object with touching, non-empty ranges, all full but the last", () => {
    fc.assert(
      fc.property(size, encryption, (sizeBytes, mode) => {
        const ranges = segmentRanges(sizeBytes, mode);
        expect(ranges).toHaveLength(segmentCountOf(sizeBytes, mode));
        expect(ranges[0]?.start ?? 0).toBe(0);
        expect(ranges.at(-1)?.end ?? 0).toBe(sizeBytes);
        const full = mode === "none" ? SEGMENT_BYTES : SEGMENT_BYTES - 16;
        expect(ranges.every(({ start, end }, i) => end === (ranges[i + 1]?.start ?? end) && end > start)).toBe(true);
        expect(ranges.slice(0, -1).every(({ start, end }) => end - start === full)).toBe(true);
        expect(ranges.every(({ start, end }) => end - start <= full)).toBe(true);
      }),
    );
  });

  it.each([
    [0, 0, 0],
    [1, 1, 1],
    [32 * MiB - 17, 1, 1],
    [32 * MiB - 16, 1, 1],
    [32 * MiB - 15, 1, 2],
    [32 * MiB, 1, 2],
    [32 * MiB + 1, 2, 2],
    [64 * MiB - 32, 2, 2],
    [64 * MiB - 31, 2, 3],
    [96 * MiB + 1, 4, 4],
  ])("cuts %d bytes into %d segments, %d when encrypted", (sizeBytes, plain, encrypted) => {
    expect(segmentCountOf(sizeBytes)).toBe(plain);
    expect(segmentCountOf(sizeBytes, "cess-cipher")).toBe(encrypted);
  });

  it("refuses a segment that the object does not have", () => {
    for (const [index, sizeBytes] of [
      [0, 0],
      [1, SEGMENT_BYTES],
      [-1, 5],
      [0.5, SEGMENT_BYTES * 2],
    ] as const) {
      expect(() => segmentRange(index, sizeBytes)).toThrow(expect.objectContaining({ code: "SEGMENT_INDEX_INVALID" }));
    }
  });

  it("stages ciphertext as whole segments and plain bytes as they are", () => {
    expect(stagedBytesOf(12_345)).toBe(12_345);
    expect(stagedBytesOf(12_345, "cess-cipher")).toBe(SEGMENT_BYTES);
    expect(stagedBytesOf(SEGMENT_BYTES, "cess-cipher")).toBe(2 * SEGMENT_BYTES);
    expect(stagedBytesOf(0, "cess-cipher")).toBe(0);
  });

  it("takes an object of a thousand segments and not one byte more", () => {
    for (const mode of ["none", "cess-cipher"] as const) {
      const most = objectBytesMax(mode);
      expect(segmentCountOf(most, mode)).toBe(1000);
      expect(() => checkObjectSize(most, mode)).not.toThrow();
      expect(() => checkObjectSize(most + 1, mode)).toThrow(
        expect.objectContaining({ code: "OBJECT_TOO_LARGE", category: "invalid" }),
      );
    }
    expect(objectBytesMax("none") - objectBytesMax("cess-cipher")).toBe(16_000);
    for (const wrong of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => checkObjectSize(wrong)).toThrow(expect.objectContaining({ code: "OBJECT_SIZE_INVALID" }));
    }
  });

  it("needs strictly more territory than the fragments occupy, and none for the empty object", () => {
    expect(territoryBytesOf(3)).toBe(3 * 96 * MiB);
    expect(fitsTerritory(3, 3 * 96 * MiB)).toBe(false);
    expect(fitsTerritory(3, 3 * 96 * MiB + 1)).toBe(true);
    expect(fitsTerritory(0, 0)).toBe(true);
  });
});
