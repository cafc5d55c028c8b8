import { describe, expect, it, jest } from "@jest/globals";
import { createSubspaceCodec, type Library } from "./subspace-codec.js";
import { createTableCodec } from "./table-codec.js";

const table = createTableCodec();
const segment = Uint8Array.from({ length: 400 }, (_, i) => (i * 7 + (i >> 3)) & 0xff);

/** A library that encodes rightly and says OK over whatever it restores. */
function lying(restore: (shards: Uint8Array) => void): () => Library {
  return () => ({
    encode: (shards) => {
      const size = shards.length / 12;
      shards.set(Buffer.concat(table.encode(shards.slice(0, 4 * size)).slice(4)), 4 * size);
      return 0;
    },
    reconstruct: (shards) => {
      restore(shards);
      return 0;
    },
  });
}

const withoutData = () => table.encode(segment).map((bytes, row) => (row < 8 ? null : bytes));

describe("the fence around the npm codec", () => {
  it("never lets out what the library restored wrongly under an OK", () => {
    for (const restore of [
      () => {},
      (shards: Uint8Array) => shards.fill(0x55),
      (shards: Uint8Array) => {
        shards.set(segment);
        shards[137] = (shards[137] as number) ^ 1;
      },
    ]) {
      expect(() => createSubspaceCodec(lying(restore)).reconstruct(withoutData())).toThrow(
        expect.objectContaining({ code: "CODEC_RESULT_WRONG", category: "bug" }),
      );
    }
  });

  it("lets out what was restored rightly", () => {
    const codec = createSubspaceCodec(lying((shards) => shards.set(segment)));
    expect(Buffer.compare(codec.reconstruct(withoutData()), segment)).toBe(0);
  });

  it("turns any other answer than OK into an error", () => {
    const refusing: Library = { encode: () => 9, reconstruct: () => 10 };
    const codec = createSubspaceCodec(() => refusing);
    expect(() => codec.encode(segment)).toThrow(expect.objectContaining({ code: "CODEC_RESULT_WRONG" }));
    expect(() => codec.reconstruct(withoutData())).toThrow(
      expect.objectContaining({ code: "CODEC_RESULT_WRONG", details: { result: 10 } }),
    );
  });

  it("restores nothing twice on one instance", () => {
    const used = jest.fn<(instance: number) => void>();
    let instances = 0;
    const codec = createSubspaceCodec(() => {
      instances += 1;
      const self = instances;
      const library = lying((shards) => shards.set(segment))();
      return {
        encode: library.encode,
        reconstruct: (...args: Parameters<Library["reconstruct"]>) => {
          used(self);
          return library.reconstruct(...args);
        },
      };
    });
    for (let i = 0; i < 5; i += 1) codec.reconstruct(withoutData());
    const seen = used.mock.calls.map(([instance]) => instance);
    expect(seen).toHaveLength(5);
    expect(new Set(seen).size).toBe(5);
  });
});
