import { readFileSync } from "node:fs";
import { DATA_FRAGMENTS } from "@granary/primitives";
import { invert, type Matrix, multiply } from "./gf256.js";

/** The same file for the sources and for what is compiled from them; see `scripts/build-kernel.mjs`. */
const kernelUrl = new URL("../assembly/kernel.wasm", import.meta.url);

/** Addresses in the kernel's memory; lengths in multiples of 16; neighbouring strings are `stride` bytes apart. */
interface KernelCalls {
  encode(data: number, parity: number, stride: number, length: number, factors: number): void;
  combine(inputs: number, stride: number, output: number, length: number, factors: number): void;
}

/** Just what is used here of the standard global, which the compiler's Node types do not have. */
interface WasmApi {
  Memory: new (shape: { initial: number }) => { readonly buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: unknown };
}
const wasm = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly;

export interface Kernel {
  readonly memory: Uint8Array;
  /** The eight parity strings of four data strings. */
  encode(data: number, parity: number, stride: number, length: number): void;
  /** The rows of coefficients, eight at most, that `combine` knows by their index until the next call. */
  prepare(rows: Matrix): void;
  /** The string Σ rows[row][k] · input k, over four inputs. */
  combine(row: number, inputs: number, stride: number, output: number, length: number): void;
}

/** Bytes of one factor's table: products with both halves of a byte. */
const TABLE_BYTES = 32;
const ROW_BYTES = DATA_FRAGMENTS * TABLE_BYTES;
const WASM_PAGE_BYTES = 65536;
/** The parity rows start at these points: row r of the matrix evaluates at point r. */
const COSETS = [4, 8] as const;

/** From this address on the memory is the caller's. */
export const KERNEL_FREE_FROM = 4096;

/**
 * The constants of the additive Fourier transform at a coset: with s(x) = x·(x+1), which vanishes on {0,1}, the outer
 * one is s(coset) / s(2); the inner ones are the points' own values, coset and coset + 2. Sums in the field are XOR.
 */
function cosetFactors(coset: number): { outer: number; even: number; odd: number } {
  const s = (x: number) => multiply(x, x ^ 1);
  return { outer: multiply(s(coset), invert(s(2))), even: coset, odd: coset ^ 2 };
}

/**
 * A kernel with `bytes` of memory for its caller, from KERNEL_FREE_FROM on.
 * @throws where the machine has no WebAssembly SIMD, or the file is not there
 */
export function loadKernel(bytes: number): Kernel {
  const memory = new wasm.Memory({ initial: Math.ceil((KERNEL_FREE_FROM + bytes) / WASM_PAGE_BYTES) });
  const instance = new wasm.Instance(new wasm.Module(readFileSync(kernelUrl)), { env: { memory } });
  const calls = instance.exports as KernelCalls;
  const view = new Uint8Array(memory.buffer);

  const writeTables = (at: number, factors: readonly number[]) => {
    factors.forEach((factor, k) => {
      for (let half = 0; half < 16; half += 1) {
        view[at + k * TABLE_BYTES + half] = multiply(factor, half);
        view[at + k * TABLE_BYTES + 16 + half] = multiply(factor, half << 4);
      }
    });
  };
  const [first, second] = [cosetFactors(COSETS[0]), cosetFactors(COSETS[1])];
  const encodeFactors = 0;
  writeTables(encodeFactors, [first.outer, first.even, second.outer, second.even, second.odd]);
  const rowFactors = encodeFactors + 5 * TABLE_BYTES;

  return {
    memory: view,
    encode: (data, parity, stride, length) => calls.encode(data, parity, stride, length, encodeFactors),
    prepare: (rows) => {
      rows.forEach((coefficients, row) => {
        writeTables(rowFactors + row * ROW_BYTES, coefficients);
      });
    },
    combine: (row, inputs, stride, output, length) =>
      calls.combine(inputs, stride, output, length, rowFactors + row * ROW_BYTES),
  };
}
