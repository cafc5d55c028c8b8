import { CodedError } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { ErasureCodec } from "./codec.js";
import { createSimdCodec } from "./simd-codec.js";
import { createSubspaceCodec } from "./subspace-codec.js";
import { createTableCodec } from "./table-codec.js";

const { imul } = Math;

const codecs: readonly ErasureCodec[] = [createTableCodec(), createSubspaceCodec(), createSimdCodec()];
const [table, subspace, simd] = codecs as [ErasureCodec, ErasureCodec, ErasureCodec];

/** Pseudo-random bytes, the same for the same seed. */
function bytesOf(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

function* foursOfTwelve(): Generator<number[]> {
  for (let a = 0; a < 12; a += 1) {
    for (let b = a + 1; b < 12; b += 1) {
      for (let c = b + 1; c < 12; c += 1) {
        for (let d = c + 1; d < 12; d += 1) yield [a, b, c, d];
      }
    }
  }
}

const keep = (fragments: readonly Uint8Array[], rows: readonly number[]) =>
  fragments.map((bytes, row) => (rows.includes(row) ? bytes : null));
const isSame = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
const refusal = (act: () => unknown): CodedError => {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof CodedError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was refused");
};

describe.each(codecs.map((codec) => ({ name: codec.name, codec })))("codec $name", ({ codec }) => {
  it("restores the segment from each of the 495 choices of four fragments", () => {
    const segment = bytesOf(4 * 37);
    const fragments = codec.encode(segment);
    let choices = 0;
    for (const rows of foursOfTwelve()) {
      expect(isSame(codec.reconstruct(keep(fragments, rows)), segment)).toBe(true);
      choices += 1;
    }
    expect(choices).toBe(495);
  });

  it("restores from more than four, whichever they are", () => {
    const segment = bytesOf(4 * 100);
    const fragments = codec.encode(segment);
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 11 }), { minLength: 4, maxLength: 12 }), (rows) => {
        expect(isSame(codec.reconstruct(keep(fragments, rows)), segment)).toBe(true);
      }),
    );
  });

  it("makes each single row as it makes all of them, at odd lengths too", () => {
    for (const length of [1, 2, 3, 15, 16, 17, 31, 33, 4097, 8191, 8193]) {
      const segment = bytesOf(4 * length, length);
      codec.encode(segment).forEach((fragment, row) => {
        expect(fragment.length).toBe(length);
        expect(isSame(codec.encodeRow(segment, row), fragment)).toBe(true);
      });
    }
  });

  it("encodes fragments that lie apart, and makes any missing rows of any four", () => {
    const rows = fc.uniqueArray(fc.integer({ min: 0, max: 11 }), { minLength: 4, maxLength: 8 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), rows, (length, kept) => {
        const data = [1, 2, 3, 4].map((seed) => bytesOf(length, seed));
        const fragments = [...data, ...Array.from({ length: 8 }, () => new Uint8Array(length))];
        codec.encodeParity(data, fragments.slice(4));
        const truth = table.encode(Buffer.concat(data));
        expect(fragments.every((bytes, row) => isSame(bytes, truth[row] as Uint8Array))).toBe(true);
        const wanted = fragments.map((_, row) => ({ row, bytes: new Uint8Array(length) }));
        codec.restore(keep(fragments, kept), wanted);
        expect(wanted.every(({ row, bytes }) => isSame(bytes, truth[row] as Uint8Array))).toBe(true);
      }),
    );
  });

  it("refuses places that are not the length, or not as many, as the fragments", () => {
    const fragments = codec.encode(bytesOf(16));
    const [data, parity] = [fragments.slice(0, 4), fragments.slice(4)];
    const wrong = new Uint8Array(5);
    const wanted = (row: number, bytes: Uint8Array) => () => codec.restore(fragments, [{ row, bytes }]);
    for (const [act, code] of [
      [() => codec.encodeParity(data.slice(1), parity), "FRAGMENT_COUNT_INVALID"],
      [() => codec.encodeParity(data, [...parity, wrong]), "FRAGMENT_COUNT_INVALID"],
      [() => codec.encodeParity(data, [...parity.slice(1), wrong]), "FRAGMENT_ROOM_INVALID"],
      [() => codec.encodeParity([...data.slice(1), wrong], parity), "FRAGMENT_ROOM_INVALID"],
      [wanted(2, wrong), "FRAGMENT_ROOM_INVALID"],
      [wanted(12, new Uint8Array(4)), "ROW_INVALID"],
    ] as const) {
      expect(refusal(act)).toMatchObject({ code, category: "bug" });
    }
  });

  it("works on segments that do not start at the start of their buffer", () => {
    const aligned = bytesOf(4 * 1000);
    const room = new Uint8Array(4 * 1000 + 5);
    room.set(aligned, 5);
    const shifted = codec.encode(room.subarray(5));
    table.encode(aligned).forEach((fragment, row) => {
      expect(isSame(shifted[row] as Uint8Array, fragment)).toBe(true);
    });
  });

  it("gives views of the segment for data and views of the offered buffer for parity", () => {
    const segment = bytesOf(4 * 64);
    const parity = new Uint8Array(8 * 64).fill(0xee);
    const fragments = codec.encode(segment, parity);
    fragments.forEach((fragment, row) => {
      expect(fragment.buffer).toBe(row < 4 ? segment.buffer : parity.buffer);
    });
    expect(isSame(parity, Buffer.concat(codec.encode(segment).slice(4)))).toBe(true);
  });

  it("restores into the offered buffer and leaves the fragments as they were", () => {
    const segment = bytesOf(4 * 64);
    const fragments = codec.encode(segment).map((fragment) => fragment.slice());
    const before = fragments.map((fragment) => fragment.slice());
    const into = new Uint8Array(4 * 64).fill(0xee);
    expect(codec.reconstruct(keep(fragments, [1, 5, 6, 11]), into)).toBe(into);
    expect(isSame(into, segment)).toBe(true);
    expect(fragments).toEqual(before);
  });

  it("gives results that later calls do not change", () => {
    const segment = bytesOf(4 * 64);
    const fragments = codec.encode(segment);
    const row = codec.encodeRow(segment, 9);
    const restored = codec.reconstruct(keep(fragments, [8, 9, 10, 11]));
    const copies = [...fragments, row, restored].map((bytes) => bytes.slice());
    const other = bytesOf(4 * 64, 99);
    codec.reconstruct(keep(codec.encode(other), [4, 5, 6, 7]));
    codec.encodeRow(other, 9);
    expect([...fragments, row, restored]).toEqual(copies);
  });

  it("is right a thousand times in a row on one codec", () => {
    const rows = [...foursOfTwelve()];
    for (let round = 0; round < 1000; round += 1) {
      const segment = bytesOf(4 * (1 + (round % 70)), round + 1);
      const four = rows[(round * 37) % rows.length] as number[];
      expect(isSame(codec.reconstruct(keep(codec.encode(segment), four)), segment)).toBe(true);
    }
  });

  it("shows one changed bit of any fragment in what it restores", () => {
    const segment = bytesOf(4 * 50);
    const fragments = codec.encode(segment);
    for (const rows of [
      [0, 1, 2, 3],
      [1, 2, 5, 9],
      [8, 9, 10, 11],
    ]) {
      for (const row of rows) {
        const changed = keep(fragments, rows).map((bytes) => bytes?.slice() ?? null);
        const target = changed[row] as Uint8Array;
        target[20] = (target[20] as number) ^ 1;
        expect(isSame(codec.reconstruct(changed), segment)).toBe(false);
      }
    }
  });

  it("refuses segments that cannot be cut in four", () => {
    for (const length of [0, 1, 2, 3, 5, 4095]) {
      for (const act of [() => codec.encode(bytesOf(length)), () => codec.encodeRow(bytesOf(length), 4)]) {
        expect(refusal(act)).toMatchObject({ code: "SEGMENT_LENGTH_INVALID", category: "bug" });
      }
    }
  });

  it("refuses rows that do not exist", () => {
    for (const row of [-1, 12, 0.5, Number.NaN]) {
      expect(refusal(() => codec.encodeRow(bytesOf(16), row))).toMatchObject({ code: "ROW_INVALID" });
    }
  });

  it("refuses buffers of another length than the result's", () => {
    const segment = bytesOf(16);
    const fragments = codec.encode(segment);
    expect(refusal(() => codec.encode(segment, new Uint8Array(31)))).toMatchObject({ code: "PARITY_LENGTH_INVALID" });
    expect(refusal(() => codec.reconstruct(fragments, new Uint8Array(17)))).toMatchObject({
      code: "INTO_LENGTH_INVALID",
    });
  });

  it("refuses fewer than four fragments, and says how many there are", () => {
    const fragments = codec.encode(bytesOf(16));
    for (const rows of [[], [3], [0, 1, 2], [9, 10, 11]]) {
      expect(refusal(() => codec.reconstruct(keep(fragments, rows)))).toMatchObject({
        code: "FRAGMENTS_NOT_ENOUGH",
        category: "exhausted",
        details: { present: rows.length, needed: 4 },
      });
    }
  });

  it("refuses fragments that differ in length, used or not, and empty ones", () => {
    const fragments = codec.encode(bytesOf(16));
    for (const row of [0, 3, 4, 11]) {
      for (const wrong of [new Uint8Array(0), new Uint8Array(3), new Uint8Array(5)]) {
        const mixed = fragments.map((bytes, r) => (r === row ? wrong : bytes));
        expect(refusal(() => codec.reconstruct(mixed))).toMatchObject({
          code: "FRAGMENT_LENGTH_INVALID",
          category: "corrupt",
        });
      }
    }
    expect(refusal(() => codec.reconstruct(fragments.map(() => new Uint8Array(0))))).toMatchObject({
      code: "FRAGMENT_LENGTH_INVALID",
    });
  });

  it("refuses any number of places but twelve", () => {
    const fragments = codec.encode(bytesOf(16));
    for (const places of [fragments.slice(0, 11), [...fragments, null]]) {
      expect(refusal(() => codec.reconstruct(places))).toMatchObject({ code: "FRAGMENT_COUNT_INVALID" });
    }
  });
});

describe("the three codecs", () => {
  const segmentOf = fc.uint8Array({ minLength: 1, maxLength: 600 }).map((quarter) => {
    const segment = new Uint8Array(4 * quarter.length);
    for (let k = 0; k < 4; k += 1)
      segment.set(
        quarter.map((byte, i) => byte ^ Math.imul(k, 167 + i)),
        k * quarter.length,
      );
    return segment;
  });
  const four = fc.uniqueArray(fc.integer({ min: 0, max: 11 }), { minLength: 4, maxLength: 4 });

  it("encode to the same bytes", () => {
    fc.assert(
      fc.property(segmentOf, (segment) => {
        const truth = Buffer.concat(table.encode(segment));
        for (const codec of [subspace, simd]) expect(isSame(Buffer.concat(codec.encode(segment)), truth)).toBe(true);
      }),
    );
  });

  it("restore the same bytes, from true fragments and from any others", () => {
    const places = fc
      .integer({ min: 1, max: 300 })
      .chain((length) =>
        fc.array(fc.uint8Array({ minLength: length, maxLength: length }), { minLength: 12, maxLength: 12 }),
      );
    fc.assert(
      fc.property(places, four, (fragments, rows) => {
        const truth = table.reconstruct(keep(fragments, rows));
        for (const codec of [subspace, simd]) {
          expect(isSame(codec.reconstruct(keep(fragments, rows)), truth)).toBe(true);
        }
      }),
    );
  });

  it("agree on lengths around tiles, stripes and vectors", () => {
    for (const base of [8192, 16384, 512 * 1024]) {
      for (const length of [base - 1, base, base + 1, base + 15]) {
        const segment = bytesOf(4 * length, length);
        const fragments = simd.encode(segment);
        const row = 4 + (length % 8);
        expect(isSame(table.encodeRow(segment, row), fragments[row] as Uint8Array)).toBe(true);
        expect(isSame(Buffer.concat(subspace.encode(segment)), Buffer.concat(fragments))).toBe(true);
        const places = keep(fragments, [2, 5, 8, 11]);
        for (const codec of [subspace, simd]) expect(isSame(codec.reconstruct(places), segment)).toBe(true);
      }
    }
  });
});
