import { describe, expect, it } from "@jest/globals";
import { type CodecMaker, createCodec, firstSound, selfTest, selfTestInPlace } from "./choose-codec.js";
import type { ErasureCodec } from "./codec.js";
import { createSimdCodec } from "./simd-codec.js";
import { createSubspaceCodec } from "./subspace-codec.js";
import { createTableCodec } from "./table-codec.js";

const sound = createTableCodec();
const flipped = (bytes: Uint8Array): Uint8Array => {
  const copy = bytes.slice();
  copy[copy.length - 1] = (copy.at(-1) as number) ^ 1;
  return copy;
};

const faulty: Record<string, ErasureCodec> = {
  "encodes the last byte wrongly": {
    ...sound,
    encode: (segment) => sound.encode(segment).map((bytes, row) => (row === 11 ? flipped(bytes) : bytes)),
  },
  "exchanges two rows": {
    ...sound,
    encode: (segment) => {
      const fragments = sound.encode(segment);
      return [...fragments.slice(0, 10), fragments[11] as Uint8Array, fragments[10] as Uint8Array];
    },
  },
  "makes a single row wrongly": {
    ...sound,
    encodeRow: (segment, row) => (row === 7 ? flipped(sound.encodeRow(segment, row)) : sound.encodeRow(segment, row)),
  },
  "restores wrongly without any data fragment": {
    ...sound,
    reconstruct: (fragments) =>
      fragments.slice(0, 4).some((bytes) => bytes !== null)
        ? sound.reconstruct(fragments)
        : flipped(sound.reconstruct(fragments)),
  },
};

describe("the choice of a codec", () => {
  it("is our own kernel on a machine with SIMD", async () => {
    expect((await createCodec()).name).toBe("simd");
  });

  it.each([
    ["table", createTableCodec],
    ["subspace", () => createSubspaceCodec()],
    ["simd", createSimdCodec],
  ] as const)("lets the codec %s pass, in place too", (_, make) => {
    expect(selfTest(make())).toBeNull();
    expect(selfTestInPlace(make)).toBeNull();
  });

  it("passes over a codec that is wrong only where it works in place", () => {
    const spoil = (bytes: Uint8Array | undefined) => bytes?.set([(bytes.at(-1) as number) ^ 1], bytes.length - 1);
    const encodes: CodecMaker = (shared) => ({
      ...sound,
      encodeParity: (data, parity) => {
        sound.encodeParity(data, parity);
        if (shared !== undefined) spoil(parity[7]);
      },
    });
    const restores: CodecMaker = (shared) => ({
      ...sound,
      restore: (fragments, wanted) => {
        sound.restore(fragments, wanted);
        if (shared !== undefined) spoil(wanted.at(-1)?.bytes);
      },
    });
    for (const make of [encodes, restores]) {
      expect(selfTest(make())).toBeNull();
      expect(selfTestInPlace(make)).toMatch(/in place differs/);
      expect(firstSound([make, () => createSubspaceCodec()]).name).toBe("subspace");
    }
  });

  it.each(Object.entries(faulty))("passes over a codec that %s", (_, codec) => {
    expect(selfTest(codec)).toMatch(/differs/);
    expect(firstSound([() => codec, () => createSubspaceCodec()]).name).toBe("subspace");
  });

  it("passes over a codec that cannot be made, or fails while it is tried", () => {
    const fails = () => {
      throw new Error("no SIMD here");
    };
    expect(firstSound([fails, () => ({ ...sound, encode: fails }), createTableCodec]).name).toBe("table");
  });

  it("refuses to go on with none, and says why", () => {
    const fails = () => {
      throw new Error("no SIMD here");
    };
    expect(() => firstSound([fails])).toThrow(
      expect.objectContaining({ code: "CODEC_UNUSABLE", details: { reasons: "Error: no SIMD here" } }),
    );
  });
});
