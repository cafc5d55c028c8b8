import { DATA_FRAGMENTS, PARITY_FRAGMENTS } from "@granary/primitives";
import type { CodecCore, ErasureCodec } from "./codec.js";
import {
  checkRoom,
  checkRow,
  chooseFour,
  fragmentLengthOf,
  lengthOfAll,
  parityRoom,
  segmentRoom,
  sliceFragments,
} from "./shape.js";

/** A codec of one way of coding: what is asked is checked here, once for all of them. */
export function codecOf(core: CodecCore): ErasureCodec {
  const restore: ErasureCodec["restore"] = (fragments, wanted) => {
    const four = chooseFour(fragments);
    const length = (four[0] as { bytes: Uint8Array }).bytes.length;
    for (const { row, bytes } of wanted) {
      checkRow(row);
      checkRoom(bytes, length);
    }
    const given = new Map(four.map(({ row, bytes }) => [row, bytes]));
    for (const { row, bytes } of wanted) {
      const known = given.get(row);
      if (known !== undefined) bytes.set(known);
    }
    const missing = wanted.filter(({ row }) => !given.has(row));
    if (missing.length > 0) core.restore(four, missing);
  };

  return {
    name: core.name,
    restore,

    encode(segment, offered) {
      const length = fragmentLengthOf(segment);
      const data = sliceFragments(segment, length, DATA_FRAGMENTS);
      const parity = sliceFragments(parityRoom(length, offered), length, PARITY_FRAGMENTS);
      core.encodeParity(data, parity);
      return [...data, ...parity];
    },

    encodeParity(data, parity) {
      const length = lengthOfAll(data, DATA_FRAGMENTS);
      lengthOfAll(parity, PARITY_FRAGMENTS);
      for (const room of parity) checkRoom(room, length);
      core.encodeParity(data, parity);
    },

    encodeRow(segment, row) {
      checkRow(row);
      const length = fragmentLengthOf(segment);
      const data = sliceFragments(segment, length, DATA_FRAGMENTS);
      if (row < DATA_FRAGMENTS) return data[row] as Uint8Array;
      const bytes = new Uint8Array(length);
      core.restore(
        data.map((given, k) => ({ row: k, bytes: given })),
        [{ row, bytes }],
      );
      return bytes;
    },

    reconstruct(fragments, offered) {
      const length = (chooseFour(fragments)[0] as { bytes: Uint8Array }).bytes.length;
      const segment = segmentRoom(length, offered);
      const data = sliceFragments(segment, length, DATA_FRAGMENTS);
      restore(
        fragments,
        data.map((bytes, row) => ({ row, bytes })),
      );
      return segment;
    },
  };
}
