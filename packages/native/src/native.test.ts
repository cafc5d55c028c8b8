import { createHash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { type NativeEngine, nativeEngines } from "./index.js";

const { imul } = Math;
function randomBytes(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i += 1) {
    state = (imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
const sha256 = (...parts: readonly Uint8Array[]) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const expectEach = (engine: NativeEngine, strings: readonly Uint8Array[]) =>
  expect(hex(engine.hashEach(strings))).toBe(strings.map((bytes) => sha256(bytes)).join(""));

const engines = nativeEngines();

it("gives engines that are what they are called, best first, or none", () => {
  const names = engines.map(({ name, groupMax }) => `${name} ${groupMax}`);
  expect([["avx512 4", "avx2 2"], ["avx2 2"], []]).toContainEqual(names);
});

for (const engine of engines) {
  describe(`SHA-256 by ${engine.name}`, () => {
    it("is node:crypto's for every length up to some blocks, each alone", () => {
      for (let length = 0; length <= 260; length += 1) expectEach(engine, [randomBytes(length, length)]);
    });

    it("is so in any mix of lengths and of numbers of lanes", () => {
      for (let count = 0; count <= 40; count += 1) {
        const strings = Array.from({ length: count }, (_, i) => randomBytes(imul(i + count, 7919) % 1500, i));
        expectEach(engine, strings);
      }
    });

    it("is so for strings of very different lengths, in whatever order they come", () => {
      const strings = [1, 300_000, 0, 64, 100_001, 63, 2_000_000, 65].map(randomBytes);
      expectEach(engine, strings);
      expectEach(engine, [...strings].reverse());
    });

    it("is so for strings that begin anywhere, and lie in memory that threads share", () => {
      const shared = new Uint8Array(new SharedArrayBuffer(100_000));
      shared.set(randomBytes(shared.length, 5));
      // jest's own copy of Node's crypto takes no shared memory of another context.
      const strings = Array.from({ length: 33 }, (_, i) => shared.subarray(i * 2999, i * 2999 + 2000 + i));
      expect(hex(engine.hashEach(strings))).toBe(strings.map((bytes) => sha256(bytes.slice())).join(""));
    });
  });

  describe(`segments by ${engine.name}`, () => {
    const segment = (bytes: number, seed: number) => [0, 1, 2, 3].map((row) => randomBytes(bytes, 10 * seed + row));

    it.each([64, 128, 8128, 8192, 8256, 100_032])("of fragments of %d bytes have their own hashes", (bytes) => {
      for (let count = 1; count <= engine.groupMax; count += 1) {
        const group = Array.from({ length: count }, (_, seed) => segment(bytes, seed));
        const { digests, codingSeconds } = engine.hashSegments(group);
        expect(digests.map((of) => of.slice(0, 5).map(hex))).toEqual(
          group.map((data) => [sha256(...data), ...data.map((fragment) => sha256(fragment))]),
        );
        expect(codingSeconds).toBeGreaterThan(0);
      }
    });

    it("are the same alone and beside any others, parity too, and leave all they read as it was", () => {
      const group = Array.from({ length: engine.groupMax }, (_, seed) => segment(24_640, seed));
      const before = group.map((data) => sha256(...data));
      const together = engine.hashSegments(group).digests.map((of) => of.map(hex));
      for (const [i, data] of group.entries()) {
        expect(engine.hashSegments([data]).digests[0]?.map(hex)).toEqual(together[i]);
      }
      expect(new Set(together.flat()).size).toBe(13 * engine.groupMax);
      expect(group.map((data) => sha256(...data))).toEqual(before);
    });

    it("are refused where they are not what is expected", () => {
      const good = segment(128, 1);
      const [first, ...others] = good as [Uint8Array, ...Uint8Array[]];
      const wrong: Record<string, unknown[]> = {
        none: [],
        "too many": Array.from({ length: engine.groupMax + 1 }, () => good),
        "three fragments": [others],
        "unequal lengths": [[randomBytes(192, 1), ...others]],
        "half a block": [good.map((bytes) => bytes.subarray(0, 96))],
        "no bytes": [good.map((bytes) => bytes.subarray(0, 0))],
        "other numbers": [[new Uint16Array(64), ...others]],
        "no array": [[first.buffer, ...others]],
        "nothing at all": [[undefined, ...others]],
      };
      for (const [what, segments] of Object.entries(wrong)) {
        expect(`${what}: ${refusalOf(() => engine.hashSegments(segments as Uint8Array[][]))}`).toBe(
          `${what}: TypeError`,
        );
      }
    });
  });

  it(`strings that are none, or too many, are refused by ${engine.name}`, () => {
    for (const strings of [["text"], [null], [new Float64Array(1)], "text", Array(4097).fill(new Uint8Array())]) {
      expect(refusalOf(() => engine.hashEach(strings as Uint8Array[]))).toBe("TypeError");
    }
  });
}

/** The name of what is thrown: native code throws errors of the context that it was loaded in. */
function refusalOf(work: () => unknown): string {
  try {
    work();
    return "nothing";
  } catch (error) {
    return (error as Error).name;
  }
}
