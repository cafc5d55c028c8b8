import { DATA_FRAGMENTS, PARITY_FRAGMENTS } from "@granary/primitives";
import type { ErasureCodec } from "./codec.js";
import { decodingMatrix, encodingMatrix, multiply } from "./gf256.js";
import { checkRow, chooseFour, fragmentLengthOf, parityRoom, segmentRoom, sliceFragments } from "./shape.js";

/** All products with one factor, so that a multiplication is a look-up. */
const products: readonly Uint8Array[] = Array.from({ length: 256 }, (_, factor) =>
  Uint8Array.from({ length: 256 }, (_, value) => multiply(factor, value)),
);

/** output = Σ coefficients[k] · inputs[k] */
function combine(coefficients: readonly number[], inputs: readonly Uint8Array[], output: Uint8Array): void {
  const [t0, t1, t2, t3] = coefficients.map((factor) => products[factor]) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const [a, b, c, d] = inputs as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  for (let p = 0; p < output.length; p += 1) {
    output[p] =
      (t0[a[p] as number] as number) ^
      (t1[b[p] as number] as number) ^
      (t2[c[p] as number] as number) ^
      (t3[d[p] as number] as number);
  }
}

/** The fragments of chosen rows, written into `outputs`: the independent check on codecs that cannot be read. */
export function encodeRows(segment: Uint8Array, rows: readonly number[], outputs: readonly Uint8Array[]): void {
  const data = sliceFragments(segment, fragmentLengthOf(segment), DATA_FRAGMENTS);
  rows.forEach((row, i) => {
    combine(encodingMatrix[row] as readonly number[], data, outputs[i] as Uint8Array);
  });
}

/** Plain look-up tables: slow, but short enough to be checked by reading. The oracle of the others. */
export function createTableCodec(): ErasureCodec {
  return {
    name: "table",

    encode(segment, offered) {
      const length = fragmentLengthOf(segment);
      const parity = sliceFragments(parityRoom(length, offered), length, PARITY_FRAGMENTS);
      const rows = Array.from({ length: PARITY_FRAGMENTS }, (_, i) => DATA_FRAGMENTS + i);
      encodeRows(segment, rows, parity);
      return [...sliceFragments(segment, length, DATA_FRAGMENTS), ...parity];
    },

    encodeRow(segment, row) {
      checkRow(row);
      const length = fragmentLengthOf(segment);
      if (row < DATA_FRAGMENTS) return segment.subarray(row * length, (row + 1) * length);
      const output = new Uint8Array(length);
      encodeRows(segment, [row], [output]);
      return output;
    },

    reconstruct(fragments, offered) {
      const four = chooseFour(fragments);
      const length = (four[0] as { bytes: Uint8Array }).bytes.length;
      const segment = segmentRoom(length, offered);
      const inputs = four.map(({ bytes }) => bytes);
      const matrix = decodingMatrix(four.map(({ row }) => row));
      sliceFragments(segment, length, DATA_FRAGMENTS).forEach((output, k) => {
        const given = four.find(({ row }) => row === k);
        if (given === undefined) combine(matrix[k] as number[], inputs, output);
        else output.set(given.bytes);
      });
      return segment;
    },
  };
}
