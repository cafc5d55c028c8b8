import { createHash } from "node:crypto";
import { EMPTY_FID, type SegmentHash } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { fidOf } from "./fid.js";

const hashOf = (text: string) => createHash("sha256").update(text).digest("hex") as SegmentHash;
const parent = (left: string, right: string) =>
  createHash("sha256")
    .update(Buffer.from(left + right, "hex"))
    .digest("hex");
const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(hashOf) as [
  SegmentHash,
  SegmentHash,
  SegmentHash,
  SegmentHash,
  SegmentHash,
];

describe("the FID", () => {
  it("doubles a single segment, pairs two, and pairs an odd last one with itself on every level", () => {
    expect(fidOf([a])).toBe(parent(a, a));
    expect(fidOf([a, b])).toBe(parent(a, b));
    expect(fidOf([a, b, c])).toBe(parent(parent(a, b), parent(c, c)));
    const ee = parent(e, e);
    expect(fidOf([a, b, c, d, e])).toBe(parent(parent(parent(a, b), parent(c, d)), parent(ee, ee)));
  });

  it("is that of nothing for the empty object", () => {
    expect(fidOf([])).toBe(EMPTY_FID);
    expect(createHash("sha256").digest("hex")).toBe(EMPTY_FID);
  });

  it("changes with every segment and with their order", () => {
    const list = fc.uniqueArray(fc.string(), { minLength: 2, maxLength: 40 }).map((texts) => texts.map(hashOf));
    fc.assert(
      fc.property(list, fc.nat(), (hashes, pick) => {
        const i = pick % (hashes.length - 1);
        const swapped = [...hashes];
        [swapped[i], swapped[i + 1]] = [hashes[i + 1] as SegmentHash, hashes[i] as SegmentHash];
        const changed = hashes.map((hash, k) => (k === i ? hashOf(`other ${hash}`) : hash));
        expect(fidOf(swapped)).not.toBe(fidOf(hashes));
        expect(fidOf(changed)).not.toBe(fidOf(hashes));
      }),
    );
  });

  it("is shared by contents that differ only in a repeated end: it proves no content", () => {
    expect(fidOf([a])).toBe(fidOf([a, a]));
    expect(fidOf([a, b, c])).toBe(fidOf([a, b, c, c]));
  });
});
