import { DATA_FRAGMENTS, KiB, PARITY_FRAGMENTS } from "@granary/primitives";
import type { ErasureCodec } from "./codec.js";
import { decodingMatrix, encodingMatrix, type Matrix } from "./gf256.js";
import { KERNEL_FREE_FROM, loadKernel } from "./kernel.js";
import { checkRow, chooseFour, fragmentLengthOf, parityRoom, segmentRoom, sliceFragments } from "./shape.js";

/** Bytes of each fragment that go through the kernel at a time: all twelve tiles stay in the second-level cache. */
const TILE_BYTES = 8 * KiB;
/** Not a multiple of a page: equal offsets in all twelve tiles would compete for the same lines of the cache. */
const STRIDE = TILE_BYTES + 64;
const VECTOR_BYTES = 16;

const INPUTS = KERNEL_FREE_FROM;
const OUTPUTS = INPUTS + DATA_FRAGMENTS * STRIDE;

const roundUp = (length: number): number => Math.ceil(length / VECTOR_BYTES) * VECTOR_BYTES;

/**
 * Our own kernel on 16-byte vectors. Bytes pass through its memory in tiles; one instance serves any number of calls
 * and never grows. Where a length is no multiple of a vector, the vector's rest is coded too, and not read.
 * @throws where the machine has no WebAssembly SIMD
 */
export function createSimdCodec(): ErasureCodec {
  const kernel = loadKernel((DATA_FRAGMENTS + PARITY_FRAGMENTS) * STRIDE);
  const { memory } = kernel;

  const stage = (inputs: readonly Uint8Array[], from: number, to: number) => {
    for (let k = 0; k < DATA_FRAGMENTS; k += 1) {
      memory.set((inputs[k] as Uint8Array).subarray(from, to), INPUTS + k * STRIDE);
    }
  };

  /** outputs[i] = Σ rows[i][k] · inputs[k] */
  const transform = (rows: Matrix, inputs: readonly Uint8Array[], outputs: readonly Uint8Array[]) => {
    const length = (inputs[0] as Uint8Array).length;
    kernel.prepare(rows);
    for (let from = 0; from < length; from += TILE_BYTES) {
      const to = Math.min(from + TILE_BYTES, length);
      stage(inputs, from, to);
      outputs.forEach((output, row) => {
        kernel.combine(row, INPUTS, STRIDE, OUTPUTS, roundUp(to - from));
        output.set(memory.subarray(OUTPUTS, OUTPUTS + to - from), from);
      });
    }
  };

  return {
    name: "simd",

    encode(segment, offered) {
      const length = fragmentLengthOf(segment);
      const parity = parityRoom(length, offered);
      const data = sliceFragments(segment, length, DATA_FRAGMENTS);
      for (let from = 0; from < length; from += TILE_BYTES) {
        const to = Math.min(from + TILE_BYTES, length);
        stage(data, from, to);
        kernel.encode(INPUTS, OUTPUTS, STRIDE, roundUp(to - from));
        for (let i = 0; i < PARITY_FRAGMENTS; i += 1) {
          const output = OUTPUTS + i * STRIDE;
          parity.set(memory.subarray(output, output + to - from), i * length + from);
        }
      }
      return [...data, ...sliceFragments(parity, length, PARITY_FRAGMENTS)];
    },

    encodeRow(segment, row) {
      checkRow(row);
      const length = fragmentLengthOf(segment);
      const data = sliceFragments(segment, length, DATA_FRAGMENTS);
      if (row < DATA_FRAGMENTS) return data[row] as Uint8Array;
      const output = new Uint8Array(length);
      transform([encodingMatrix[row] as readonly number[]], data, [output]);
      return output;
    },

    reconstruct(fragments, offered) {
      const four = chooseFour(fragments);
      const length = (four[0] as { bytes: Uint8Array }).bytes.length;
      const segment = segmentRoom(length, offered);
      const data = sliceFragments(segment, length, DATA_FRAGMENTS);
      for (const { row, bytes } of four) data[row]?.set(bytes);
      const missing = data.map((_, k) => k).filter((k) => !four.some(({ row }) => row === k));
      if (missing.length > 0) {
        const matrix = decodingMatrix(four.map(({ row }) => row));
        transform(
          missing.map((k) => matrix[k] as number[]),
          four.map(({ bytes }) => bytes),
          missing.map((k) => data[k] as Uint8Array),
        );
      }
      return segment;
    },
  };
}
