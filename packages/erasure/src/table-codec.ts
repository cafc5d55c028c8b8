import { DATA_FRAGMENTS } from "@granary/primitives";
import type { ErasureCodec, FragmentPlace } from "./codec.js";
import { codecOf } from "./codec-of.js";
import { encodingMatrix, multiply, restoringMatrix } from "./gf256.js";

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

/** Plain look-up tables: slow, but short enough to be checked by reading. The oracle of the others. */
export function createTableCodec(): ErasureCodec {
  return codecOf({
    name: "table",

    encodeParity(data, parity) {
      parity.forEach((output, i) => {
        combine(encodingMatrix[DATA_FRAGMENTS + i] as readonly number[], data, output);
      });
    },

    restore: restoreByTables,
  });
}

/** The wanted rows from four others: also the independent check on codecs that cannot be read. */
export function restoreByTables(four: readonly FragmentPlace[], wanted: readonly FragmentPlace[]): void {
  const rows = four.map(({ row }) => row);
  const inputs = four.map(({ bytes }) => bytes);
  for (const { row, bytes } of wanted) combine(restoringMatrix(rows, [row])[0] as number[], inputs, bytes);
}
