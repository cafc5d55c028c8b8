import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { SegmentHash } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { type CipherKey, cipherKeyOf, decryptSegment, encryptSegment } from "./cess-cipher.js";
import { fidOf } from "./fid.js";
import { type Encryption, plainBytesPerSegment, segmentRanges } from "./segmentation.js";

interface GoldenCase {
  readonly name: string;
  readonly sizeBytes: number;
  readonly cipher: string;
  readonly sha256: string;
  readonly fid: string;
  readonly segments: readonly string[];
}

// A global looked up for every byte is a hundred times slower inside jest's context.
const { imul } = Math;

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

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Hash of one segment; an encrypted one is decrypted again on the way, and must come back. */
function hashAt(range: { start: number; end: number }, encryption: Encryption, key: CipherKey | null, fill: Fill) {
  const plain = new Uint8Array(plainBytesPerSegment[encryption]);
  const bytes = plain.subarray(0, range.end - range.start);
  fill(bytes, range.start);
  if (key === null) return sha256(plain);
  const segment = encryptSegment(bytes, key);
  const back = decryptSegment(segment, key, { start: 0, end: bytes.length });
  if (Buffer.compare(back, bytes) !== 0) throw new Error("the segment does not decrypt to what was encrypted");
  return sha256(segment);
}

describe.each(["g1", "g2"])("vectors %s of the Go SDK", (generator) => {
  const cases: GoldenCase[] = JSON.parse(
    readFileSync(new URL(`../../vectors/${generator}.json`, import.meta.url), "utf8"),
  ).cases;
  const fill = (generators[generator] as () => Fill)();
  // Cases share their beginnings: the same stretch of the same file need not be hashed again.
  const seen = new Map<string, string>();

  it.each(cases.map((golden) => [golden.name, golden] as const))("%s: segments, their hashes, the FID", (_, golden) => {
    const encryption: Encryption = golden.cipher === "" ? "none" : "cess-cipher";
    const key = golden.cipher === "" ? null : cipherKeyOf(golden.cipher);
    const hashes = segmentRanges(golden.sizeBytes, encryption).map((range) => {
      const place = `${range.start} ${range.end} ${golden.cipher}`;
      const hash = seen.get(place) ?? hashAt(range, encryption, key, fill);
      seen.set(place, hash);
      return hash;
    });
    expect(hashes).toEqual(golden.segments);
    expect(fidOf(hashes as SegmentHash[])).toBe(golden.fid);
  });

  it("are made by the generators that this test uses", () => {
    const small = cases.filter(({ sizeBytes }) => sizeBytes <= 8_388_609);
    expect(small).toHaveLength(6);
    for (const { sizeBytes, sha256: expected } of small) {
      const file = new Uint8Array(sizeBytes);
      fill(file, 0);
      expect(sha256(file)).toBe(expected);
    }
  });
});
