import { createHash } from "node:crypto";
import { type NativeEngine, nativeEngines } from "@granary/native";
import { FRAGMENTS_PER_SEGMENT } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { createHashEach, createSegmentHasher, hashEachFault, hasherFault } from "./choose-hasher.js";
import type { ErasureCodec } from "./codec.js";
import { hashSegment } from "./hash-segment.js";
import { nativeHasher } from "./segment-hasher.js";
import type { Slot } from "./segment-memory.js";
import { createSimdCodec } from "./simd-codec.js";
import { createTableCodec } from "./table-codec.js";

const simd = createSimdCodec();
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

/** An engine as slow as can be, that is right unless a test makes it wrong. */
function engineOf(changes: Partial<NativeEngine> = {}): NativeEngine {
  const table = createTableCodec();
  return {
    name: "avx2",
    groupMax: 2,
    hashEach: (strings) => Buffer.concat(strings.map(sha256)),
    hashSegments: (segments) => ({
      codingSeconds: 0.25,
      digests: segments.map((data) => {
        const segment = Buffer.concat(data);
        return [segment, ...table.encode(segment)].map(sha256);
      }),
    }),
    ...changes,
  };
}

const right = engineOf();
const flipped = (digest: Uint8Array) => digest.map((byte, i) => (i === 31 ? byte ^ 1 : byte));
/** Right but for one digest of one segment, in groups of one size. */
const wrongIn = (count: number, segment: number, place: number): NativeEngine =>
  engineOf({
    hashSegments: (segments) => {
      const { digests, codingSeconds } = right.hashSegments(segments);
      const change = (of: readonly Uint8Array[], i: number) =>
        of.map((digest, k) => (segments.length === count && i === segment && k === place ? flipped(digest) : digest));
      return { codingSeconds, digests: digests.map(change) };
    },
  });

const now = () => performance.now();
/** An engine and a codec by whose doings alone time passes: `native` for a group of so many, `portable` for each segment. */
function timed(native: (count: number) => number, portable: number) {
  let time = 0;
  const engine = engineOf({
    hashSegments: (segments) => {
      time += native(segments.length);
      return right.hashSegments(segments);
    },
  });
  const codec: ErasureCodec = {
    ...simd,
    encodeParity: (data, parity) => {
      time += portable;
      simd.encodeParity(data, parity);
    },
  };
  return { engine, codec, now: () => time };
}

const slotOfBytes = (bytes: number, seed: number): Slot => ({
  data: [0, 1, 2, 3].map((row) => Uint8Array.from({ length: bytes }, (_, i) => ((i + row) * (i + seed)) >>> 3)),
  parity: Array.from({ length: 8 }, () => new Uint8Array(4096)),
});
const slots = [1, 2, 3, 4, 5].map((seed) => slotOfBytes(16_448, seed));
const truth = slots.map(({ data }) => hashSegment(Buffer.concat(data), createTableCodec()));

describe("the choice of what hashes segments", () => {
  it("is node:crypto where there is no engine", () => {
    const { digests, by } = createSegmentHasher(simd, now, [])(slots);
    expect({ digests, by }).toEqual({ digests: truth, by: "simd" });
  });

  it("passes over an engine that has one digest wrong, in whatever group and place", () => {
    for (let place = 0; place <= FRAGMENTS_PER_SEGMENT; place += 1) {
      for (const [count, segment] of [
        [1, 0],
        [2, 0],
        [2, 1],
      ] as const) {
        const engine = wrongIn(count, segment, place);
        expect(hasherFault(nativeHasher(engine), 2)).toMatch(/differ/);
        expect(createSegmentHasher(simd, now, [engine])(slots.slice(0, 1)).by).toBe("simd");
      }
    }
  });

  it("goes on to the next engine where one is wrong or throws", () => {
    const throws = engineOf({
      name: "avx512",
      hashSegments: () => {
        throw new TypeError("no such instruction");
      },
    });
    const { codec, engine, now: clock } = timed(() => 1, 2);
    for (const first of [throws, { ...wrongIn(1, 0, 3), name: "avx512" as const }]) {
      expect(createSegmentHasher(codec, clock, [first, engine])(slots).by).toBe("avx2");
    }
  });

  it("is made for each size of group by what takes less time", () => {
    const { codec, engine, now: clock } = timed(() => 3, 2);
    const hash = createSegmentHasher(codec, clock, [engine]);
    for (const [count, by] of [
      [1, "simd"],
      [2, "avx2"],
      [5, "avx2"],
    ] as const) {
      const hashed = hash(slots.slice(0, count));
      expect({ digests: hashed.digests, by: hashed.by }).toEqual({ digests: truth.slice(0, count), by });
    }
  });

  it("passes over an engine that hashes strings wrongly", () => {
    const wrong = engineOf({ hashEach: (strings) => right.hashEach(strings).map((byte, i) => (i === 33 ? 0 : byte)) });
    expect(hashEachFault(right.hashEach)).toBeNull();
    expect(hashEachFault(wrong.hashEach)).toMatch(/differ/);
    for (const engines of [[], [wrong], [wrong, right]]) {
      const strings = [1, 2, 3].map((length) => new Uint8Array(length));
      expect(Buffer.from(createHashEach(engines)(strings))).toEqual(Buffer.concat(strings.map(sha256)));
    }
  });
});

for (const engine of nativeEngines()) {
  describe(`the engine ${engine.name}`, () => {
    it("passes, and gives what node:crypto and the look-up tables give, in groups of any size", () => {
      expect(hasherFault(nativeHasher(engine), engine.groupMax)).toBeNull();
      expect(hashEachFault(engine.hashEach)).toBeNull();
      for (let count = 1; count <= slots.length; count += 1) {
        expect(nativeHasher(engine)(slots.slice(0, count)).digests).toEqual(truth.slice(0, count));
      }
    });
  });
}
