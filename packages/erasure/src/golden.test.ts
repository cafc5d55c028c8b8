import { createCipheriv, createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { nativeEngines } from "@granary/native";
import { SEGMENT_BYTES } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import type { ErasureCodec } from "./codec.js";
import { hashSegment, type SegmentDigests } from "./hash-segment.js";
import { nativeHasher } from "./segment-hasher.js";
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

/** Fills `bytes` with what a generated file has from `offset` on. */
type Fill = (bytes: Uint8Array, offset: number) => void;
const generators: Record<string, () => Fill> = {
  g1: () => (bytes, offset) => {
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = 31 * ((offset + i) & 0xff) + 7;
  },
  g2: () => {
    // The state where an earlier call ended: files are made front to back, so every start but the first is one.
    const states = new Map([[0, 1]]);
    return (bytes, offset) => {
      let state = states.get(offset) as number;
      for (let i = 0; i < bytes.length; i += 1) {
        state = (imul(state, 1664525) + 1013904223) >>> 0;
        bytes[i] = state >>> 24;
      }
      states.set(offset + bytes.length, state);
    };
  },
};

/** Written here once more, so that the test does not lean on the code of another package. */
function encrypted(plain: Uint8Array, cipher: string): Uint8Array {
  const key = Buffer.from(cipher.padEnd(32, "0"));
  const aes = createCipheriv("aes-256-cbc", key, key.subarray(0, 16));
  return Buffer.concat([aes.update(plain), aes.final()]);
}

/** Where the segments of a case lie in the file. One of them at a time is in memory. */
function rangesOf({ sizeBytes, cipher }: GoldenCase): { from: number; size: number }[] {
  const capacity = cipher === "" ? SEGMENT_BYTES : SEGMENT_BYTES - 16;
  return Array.from({ length: Math.ceil(sizeBytes / capacity) }, (_, i) => ({
    from: i * capacity,
    size: Math.min(capacity, sizeBytes - i * capacity),
  }));
}

function segmentAt(from: number, size: number, cipher: string, fill: Fill): Uint8Array {
  const plain = new Uint8Array(cipher === "" ? SEGMENT_BYTES : SEGMENT_BYTES - 16);
  fill(plain.subarray(0, size), from);
  return cipher === "" ? plain : encrypted(plain, cipher);
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const simd = createSimdCodec();

describe.each(["g1", "g2"])("vectors %s of the Go SDK", (generator) => {
  const cases = casesOf(generator);
  const fill = (generators[generator] as () => Fill)();
  // Cases share their beginnings: the same stretch of the same file need not be hashed again.
  const seen = new Map<string, SegmentDigests>();
  const digestsAt = (from: number, size: number, cipher: string): SegmentDigests => {
    const place = `${from} ${size} ${cipher}`;
    const digests = seen.get(place) ?? hashSegment(segmentAt(from, size, cipher, fill), simd);
    seen.set(place, digests);
    return digests;
  };

  it("are all here", () => {
    expect(cases).toHaveLength(16);
    expect(cases.filter(({ cipher }) => cipher !== "")).toHaveLength(5);
  });

  it.each(cases.map((golden) => [golden.name, golden] as const))("%s: every segment and fragment hash", (_, golden) => {
    const digests = rangesOf(golden).map(({ from, size }) => digestsAt(from, size, golden.cipher));
    expect(digests.map(({ segmentHash: hash, fragmentHashes: fragments }) => ({ hash, fragments }))).toEqual(
      golden.segments,
    );
  });
});

describe("a segment of full size", () => {
  const golden = casesOf("g2").find(({ name }) => name === "32MiB") as GoldenCase;
  const expected = golden.segments[0] as GoldenCase["segments"][number];
  const segment = new Uint8Array(SEGMENT_BYTES);
  (generators.g2 as () => Fill)()(segment, 0);

  it.each<[string, () => ErasureCodec]>([
    ["subspace", createSubspaceCodec],
    ["table", createTableCodec],
  ])("has the vector's hashes with the codec %s too", (_, make) => {
    expect(hashSegment(segment, make())).toEqual({ segmentHash: expected.hash, fragmentHashes: expected.fragments });
  });

  for (const engine of nativeEngines()) {
    it(`has the vector's hashes by the native engine ${engine.name}, alone and beside another`, () => {
      const data = [0, 1, 2, 3].map((row) =>
        segment.subarray((row * SEGMENT_BYTES) / 4, ((row + 1) * SEGMENT_BYTES) / 4),
      );
      const slot = { data, parity: [] };
      const other = { data: data.map((_, row) => data[row === 0 ? 3 : 0] as Uint8Array), parity: [] };
      const wanted = { segmentHash: expected.hash, fragmentHashes: expected.fragments };
      expect(nativeHasher(engine)([slot]).digests).toEqual([wanted]);
      expect(nativeHasher(engine)([other, slot]).digests[1]).toEqual(wanted);
    });
  }

  it.each<[string, number[], () => ErasureCodec]>([
    ["simd", [8, 9, 10, 11], createSimdCodec],
    ["simd", [0, 2, 5, 7], createSimdCodec],
    ["simd", [0, 1, 2, 3], createSimdCodec],
    ["subspace", [4, 5, 6, 7], createSubspaceCodec],
    ["table", [3, 4, 8, 10], createTableCodec],
  ])("comes back with the codec %s from fragments %j", (_, rows, make) => {
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
