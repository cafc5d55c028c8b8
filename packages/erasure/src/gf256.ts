import { DATA_FRAGMENTS, FRAGMENTS_PER_SEGMENT } from "@granary/primitives";

/** GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1; x itself generates all non-zero elements. */
const POLYNOMIAL = 0x11d;
const ORDER = 255;

const exponent = new Uint8Array(2 * ORDER);
const logarithm = new Uint8Array(256);
for (let power = 0, value = 1; power < ORDER; power += 1) {
  exponent[power] = value;
  exponent[power + ORDER] = value;
  logarithm[value] = power;
  value <<= 1;
  if (value > 255) value ^= POLYNOMIAL;
}

/** A matrix over GF(2^8), row by row. */
export type Matrix = readonly (readonly number[])[];

export function multiply(a: number, b: number): number {
  if (a === 0 || b === 0) return 0;
  return exponent[(logarithm[a] as number) + (logarithm[b] as number)] as number;
}

/** @throws RangeError for zero, which has no inverse */
export function invert(a: number): number {
  if (a === 0) throw new RangeError("zero has no inverse");
  return exponent[ORDER - (logarithm[a] as number)] as number;
}

/** a^n, with 0^0 = 1 as a Vandermonde matrix needs it. */
export function power(a: number, n: number): number {
  let result = 1;
  for (let i = 0; i < n; i += 1) result = multiply(result, a);
  return result;
}

export function multiplyMatrices(left: Matrix, right: Matrix): number[][] {
  const columns = right[0]?.length ?? 0;
  return left.map((row) =>
    Array.from({ length: columns }, (_, c) =>
      row.reduce((sum, value, k) => sum ^ multiply(value, right[k]?.[c] as number), 0),
    ),
  );
}

/** Gauss-Jordan on [matrix | identity]. @throws RangeError for a matrix without inverse */
export function invertMatrix(matrix: Matrix): number[][] {
  const size = matrix.length;
  const work = matrix.map((row, r) => [...row, ...Array.from({ length: size }, (_, c) => (r === c ? 1 : 0))]);
  for (let column = 0; column < size; column += 1) {
    const pivot = work.findIndex((row, r) => r >= column && row[column] !== 0);
    if (pivot < 0) throw new RangeError("the matrix has no inverse");
    const pivotRow = work[pivot] as number[];
    work[pivot] = work[column] as number[];
    const factor = invert(pivotRow[column] as number);
    const scaled = pivotRow.map((value) => multiply(value, factor));
    work[column] = scaled;
    for (let r = 0; r < size; r += 1) {
      const row = work[r] as number[];
      const head = row[column] as number;
      if (r !== column && head !== 0) work[r] = row.map((value, c) => value ^ multiply(head, scaled[c] as number));
    }
  }
  return work.map((row) => row.slice(size));
}

function deriveEncodingMatrix(): number[][] {
  const vandermonde = Array.from({ length: FRAGMENTS_PER_SEGMENT }, (_, row) =>
    Array.from({ length: DATA_FRAGMENTS }, (_, column) => power(row, column)),
  );
  return multiplyMatrices(vandermonde, invertMatrix(vandermonde.slice(0, DATA_FRAGMENTS)));
}

/**
 * Fragment r = Σ encodingMatrix[r][k] · data fragment k. Vandermonde (row r is r^0 … r^3) times the inverse of its own
 * top, so that the first four rows are the identity; any four rows of it have an inverse, hence any four fragments
 * restore the segment. The construction of the Backblaze and klauspost libraries, which the chain's tools use.
 */
export const encodingMatrix: Matrix = deriveEncodingMatrix();

/** The rows that turn the fragments of `rows` back into the data: data = decodingMatrix(rows) · fragments. */
export function decodingMatrix(rows: readonly number[]): number[][] {
  return invertMatrix(rows.map((row) => encodingMatrix[row] as readonly number[]));
}

/** The coefficients that make the fragments of some rows from those of four others. */
export function restoringMatrix(from: readonly number[], wanted: readonly number[]): number[][] {
  const decoding = decodingMatrix(from);
  return multiplyMatrices(
    wanted.map((row) => encodingMatrix[row] as readonly number[]),
    decoding,
  );
}
