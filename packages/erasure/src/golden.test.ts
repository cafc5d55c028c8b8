import { createCipheriv, createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { SEGMENT_BYTES } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import type { ErasureCodec } from "./codec.js";
import { hashSegment, type SegmentDigests } from "./hash-segment.js";
import { createSimdCodec } from "./simd-codec.js";
import { createSubspaceCodec } from "./subspace-codec.js";
import { createTableCodec } from "./table-codec.js";

// A global looked up for every byte is a hundred times slower inside jest's context.
const { imul } = Math;

interface GoldenCase {
  readonly name: string;
  readonly sizeBytes: number;
  readonly cipher: string;
  readonly segments: readonly { readonly hash: string; readonly fragments: readonly string[] }[];
}

const casesOf = (generator: string): GoldenCase[] =>
  JSON.parse(readFileSync(new URL(`../vectors/${generator}.json`, import.meta.url), "utf8")).cases;

/** Continues a file: each call fills the bytes that come next. */
type Fill = (bytes: Uint8Array) => void;
const generators: Record<string, () => Fill> = {
  g1: () => {
    let offset = 0;
    return (bytes) => {
      for (let i = 0; i < bytes.length; i += 1, offset += 1) bytes[i] = 31 * (offset & 0xff) + 7;
    };
  },
  g2: () => {
    let state = 1;
    return (bytes) => {
      for (let i = 0; i < bytes.length; i += 1) {
        state = (imul(state, 1664525) + 1013904223) >>> 0;
        bytes[i] = state >>> 24;
      }
    };
  },
};

/** Written here once more, so that the test does not lean on the code of another package. */
function encrypted(plain: Uint8Array, cipher: string): Uint8Array {
  const key = Buffer.from(cipher.padEnd(32, "0"));
  const aes = createCipheriv("aes-256-cbc", key, key.subarray(0, 16));
  return Buffer.concat([aes.update(plain), aes.final()]);
}

/** The segments of a case, one at a time: two buffers serve a file of any size. */
function* segmentsOf(golden: GoldenCase, fill: Fill): Generator<Uint8Array> {
  const capacity = golden.cipher === "" ? SEGMENT_BYTES : SEGMENT_BYTES - 16;
  const plain = new Uint8Array(capacity);
  for (let left = golden.sizeBytes; left > 0; left -= capacity) {
    const size = Math.min(left, capacity);
    fill(plain.subarray(0, size));
    plain.fill(0, size);
    yield golden.cipher === "" ? plain : encrypted(plain, golden.cipher);
  }
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const simd = createSimdCodec();

describe.each(["g1", "g2"])("vectors %s of the Go SDK", (generator) => {
  const cases = casesOf(generator);
  const start = generators[generator] as () => Fill;
  // Cases share their beginnings. What one case has shown of a segment need not be hashed again for the next.
  const seen = new Map<string, SegmentDigests>();

  it("are all here", () => {
    expect(cases).toHaveLength(16);
    expect(cases.filter(({ cipher }) => cipher !== "")).toHaveLength(5);
  });

  it.each(cases.map((golden) => [golden.name, golden] as const))("%s: every segment and fragment hash", (_, golden) => {
    const digests: SegmentDigests[] = [];
    for (const segment of segmentsOf(golden, start())) {
      const hash = sha256(segment);
      const known = seen.get(hash) ?? hashSegment(segment, simd);
      seen.set(hash, known);
      digests.push(known);
    }
    expect(digests.map(({ segmentHash: hash, fragmentHashes: fragments }) => ({ hash, fragments }))).toEqual(
      golden.segments,
    );
  });
});

describe("a segment of full size", () => {
  const golden = casesOf("g2").find(({ name }) => name === "32MiB") as GoldenCase;
  const expected = golden.segments[0] as GoldenCase["segments"][number];
  const segment = new Uint8Array(SEGMENT_BYTES);
  (generators.g2 as () => Fill)()(segment);

  it.each<[string, () => ErasureCodec]>([
    ["subspace", createSubspaceCodec],
    ["table", createTableCodec],
  ])("has the vector's hashes with the codec %s too", (_, make) => {
    expect(hashSegment(segment, make())).toEqual({ segmentHash: expected.hash, fragmentHashes: expected.fragments });
  });

  it.each<[string, () => ErasureCodec, number[]]>([
    ["simd", createSimdCodec, [8, 9, 10, 11]],
    ["simd", createSimdCodec, [0, 2, 5, 7]],
    ["simd", createSimdCodec, [0, 1, 2, 3]],
    ["subspace", createSubspaceCodec, [4, 5, 6, 7]],
    ["table", createTableCodec, [3, 4, 8, 10]],
  ])("comes back with the codec %s from fragments %p", (_, make, rows) => {
    const fragments = simd.encode(segment);
    expect(sha256(fragments[rows[3] as number] as Uint8Array)).toBe(expected.fragments[rows[3] as number]);
    const restored = make().reconstruct(fragments.map((bytes, row) => (rows.includes(row) ? bytes : null)));
    expect(Buffer.compare(restored, segment)).toBe(0);
  });

  it("differs from the vector in the segment, one data fragment and all parity when one bit is off", () => {
    const changed = segment.slice();
    changed[12_345_678] = (changed[12_345_678] as number) ^ 0x10;
    const { segmentHash, fragmentHashes } = hashSegment(changed, simd);
    expect(segmentHash).not.toBe(expected.hash);
    expect(fragmentHashes.map((hash, row) => hash === expected.fragments[row])).toEqual([
      ...[true, false, true, true],
      ...Array.from({ length: 8 }, () => false),
    ]);
  });
});
