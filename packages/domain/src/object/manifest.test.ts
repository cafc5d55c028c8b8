import { createHash } from "node:crypto";
import { type Fid, type FragmentHash, SEGMENT_BYTES, type SegmentHash } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { columnOf, manifestFault, type ObjectManifest, type SegmentManifest, sealManifest } from "./manifest.js";
import { compareContent } from "./same-content.js";

const sha = (text: string) => createHash("sha256").update(text).digest("hex");
const segment = (name: string): SegmentManifest => ({
  hash: sha(name) as SegmentHash,
  fragments: Array.from({ length: 12 }, (_, row) => sha(`${name} ${row}`) as FragmentHash),
});
const segments = ["a", "b", "c"].map(segment);
const sizeBytes = 2 * SEGMENT_BYTES + 5;
const manifest = sealManifest(sizeBytes, segments);
const without = (change: (copy: { hash: string; fragments: string[] }) => void): ObjectManifest => {
  const copies = segments.map(({ hash, fragments }) => ({
    hash: hash as string,
    fragments: [...fragments] as string[],
  }));
  change(copies[1] as { hash: string; fragments: string[] });
  return { ...manifest, segments: copies as unknown as SegmentManifest[] };
};

describe("a manifest", () => {
  it("without fault is sealed", () => {
    expect(manifestFault(manifest)).toBeNull();
    expect(manifest.fid).toMatch(/^[0-9a-f]{64}$/);
    expect(manifestFault(sealManifest(0, []))).toBeNull();
  });

  it.each<[string, ObjectManifest]>([
    ["size-is-a-byte-count", { ...manifest, sizeBytes: -1 }],
    ["size-is-a-byte-count", { ...manifest, sizeBytes: 1.5 }],
    ["segment-count-within-limit", { ...manifest, segments: Array.from({ length: 1001 }, () => segment("a")) }],
    ["segment-count-fits-size", { ...manifest, sizeBytes: 5 * SEGMENT_BYTES }],
    ["segment-count-fits-size", { ...manifest, segments: segments.slice(0, 2) }],
    ["twelve-fragments", without((one) => one.fragments.pop())],
    ["twelve-fragments", without((one) => one.fragments.push(sha("x")))],
    [
      "hashes-are-digests",
      without((one) => {
        one.hash = "A".repeat(64);
      }),
    ],
    [
      "hashes-are-digests",
      without((one) => {
        one.fragments[11] = "short";
      }),
    ],
    ["fid-is-tree-root", { ...manifest, fid: sha("other") as Fid }],
    [
      "fid-is-tree-root",
      without((one) => {
        one.hash = sha("other");
      }),
    ],
  ])("is faulty where it breaks the rule %s", (rule, faulty) => {
    expect(manifestFault(faulty)).toMatchObject({ rule });
  });

  it("may have the segment count of any encryption while its encryption is not known", () => {
    const encrypted = sealManifest(SEGMENT_BYTES, segments.slice(0, 2), "cess-cipher");
    expect(manifestFault(encrypted)).toBeNull();
    expect(manifestFault(encrypted, "none")).toEqual({ rule: "segment-count-fits-size" });
  });

  it("is not sealed with a fault", () => {
    expect(() => sealManifest(1, segments)).toThrow(
      expect.objectContaining({
        code: "MANIFEST_INVALID",
        category: "bug",
        details: { rule: "segment-count-fits-size" },
      }),
    );
  });

  it("gives each column as the fragments of one miner, in segment order", () => {
    expect(columnOf(manifest, 1)).toEqual(["a", "b", "c"].map((name) => sha(`${name} 0`)));
    expect(columnOf(manifest, 12)).toEqual(["a", "b", "c"].map((name) => sha(`${name} 11`)));
    for (const column of [0, 13, 1.5]) {
      expect(() => columnOf(manifest, column)).toThrow(expect.objectContaining({ code: "COLUMN_INVALID" }));
    }
  });
});

describe("content on chain", () => {
  const chain = { sizeBytes, segments: segments.map(({ hash, fragments }) => ({ hash, fragments: [...fragments] })) };

  it("is the same where size and every hash agree", () => {
    expect(compareContent(manifest, chain)).toBe("same");
  });

  it("differs by size alone, though the FID is equal: trailing zeros", () => {
    expect(compareContent(manifest, { ...chain, sizeBytes: sizeBytes + 1 })).toEqual({
      differs: { what: "size", ours: sizeBytes, theirs: sizeBytes + 1 },
    });
  });

  it("differs by a repeated last segment, though the FID is equal", () => {
    const repeated = { sizeBytes, segments: [...chain.segments, chain.segments[2] as (typeof chain.segments)[number]] };
    expect(sealManifest(3 * SEGMENT_BYTES + 5, [...segments, segments[2] as SegmentManifest]).fid).toBe(manifest.fid);
    expect(compareContent(manifest, repeated)).toEqual({ differs: { what: "segment-count", ours: 3, theirs: 4 } });
  });

  it("differs by any one fragment hash, or two exchanged, under a true segment hash", () => {
    for (let at = 0; at < 3; at += 1) {
      for (let row = 0; row < 12; row += 1) {
        const theirs = structuredClone(chain);
        (theirs.segments[at] as { fragments: string[] }).fragments[row] = sha("false");
        expect(compareContent(manifest, theirs)).toEqual({
          differs: { what: "fragment-hash", segment: at, column: row + 1 },
        });
      }
    }
    const swapped = structuredClone(chain);
    (swapped.segments[0] as { fragments: string[] }).fragments.reverse();
    expect(compareContent(manifest, swapped)).toMatchObject({ differs: { what: "fragment-hash", segment: 0 } });
  });

  it("differs by a segment hash, or by fragments that are missing", () => {
    const renamed = structuredClone(chain);
    Object.assign(renamed.segments[2] as object, { hash: sha("false") });
    expect(compareContent(manifest, renamed)).toEqual({ differs: { what: "segment-hash", segment: 2 } });
    const short = structuredClone(chain);
    (short.segments[2] as { fragments: string[] }).fragments.pop();
    expect(compareContent(manifest, short)).toEqual({ differs: { what: "fragment-count", segment: 2, theirs: 11 } });
  });
});
