import { readFileSync } from "node:fs";
import { invert, multiply } from "./gf256.js";

/** The same file for the sources and for what is compiled from them; see `scripts/build-kernel.mjs`. */
const kernelUrl = new URL("../assembly/kernel.wasm", import.meta.url);

/** A memory that threads share: it may be posted to a thread as it is, and is one and the same there. */
export interface SharedMemory {
  readonly buffer: ArrayBufferLike;
}

/** Just what is used here of the standard global, which the compiler's Node types do not have. */
interface WasmApi {
  Memory: new (shape: { initial: number; maximum: number; shared: boolean }) => SharedMemory;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: unknown };
}
const wasm = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly;

/** Addresses in the kernel's memory; lengths in multiples of 16. */
interface KernelCalls {
  encode(...addressesLengthFactors: number[]): void;
  combine(...addressesLengthFactors: number[]): void;
}

export interface Kernel {
  /** Eight parity strings of four data strings, by their addresses. */
  encode(data: readonly number[], parity: readonly number[], length: number): void;
  /** The string Σ factors[k] · input k, over four inputs. */
  combine(factors: readonly number[], inputs: readonly number[], output: number, length: number): void;
}

/** Bytes of one factor's table: products with both halves of a byte. */
const TABLE_BYTES = 32;
const FACTORS = 256;
/** The parity rows start at these points: row r of the matrix evaluates at point r. */
const COSETS = [4, 8] as const;
const ENCODE_FACTORS_AT = FACTORS * TABLE_BYTES;
const WASM_PAGE_BYTES = 65_536;

/** Below this address the memory holds the kernel's tables; from here on it is the callers'. */
export const KERNEL_FREE_FROM = 16_384;
/** Lengths that the kernel takes are multiples of this. */
export const VECTOR_BYTES = 16;
/** What 32-bit addresses reach. */
export const KERNEL_MEMORY_MAX = 2 ** 32;

/**
 * The constants of the additive Fourier transform at a coset: with s(x) = x·(x+1), which vanishes on {0,1}, the outer
 * one is s(coset) / s(2); the inner ones are the points' own values, coset and coset + 2. Sums in the field are XOR.
 */
function cosetFactors(coset: number): { outer: number; even: number; odd: number } {
  const s = (x: number) => multiply(x, x ^ 1);
  return { outer: multiply(s(coset), invert(s(2))), even: coset, odd: coset ^ 2 };
}

/**
 * A memory for kernels, with `bytes` for its callers from KERNEL_FREE_FROM on, and the tables of all factors below: they
 * never change, so any number of threads may code in it at a time.
 */
export function createKernelMemory(bytes: number): SharedMemory {
  const pages = Math.ceil((KERNEL_FREE_FROM + bytes) / WASM_PAGE_BYTES);
  const memory = new wasm.Memory({ initial: pages, maximum: pages, shared: true });
  const view = new Uint8Array(memory.buffer);
  const writeTable = (at: number, factor: number) => {
    for (let half = 0; half < 16; half += 1) {
      view[at + half] = multiply(factor, half);
      view[at + 16 + half] = multiply(factor, half << 4);
    }
  };
  for (let factor = 0; factor < FACTORS; factor += 1) writeTable(factor * TABLE_BYTES, factor);
  const [first, second] = [cosetFactors(COSETS[0]), cosetFactors(COSETS[1])];
  [first.outer, first.even, second.outer, second.even, second.odd].forEach((factor, k) => {
    writeTable(ENCODE_FACTORS_AT + k * TABLE_BYTES, factor);
  });
  return memory;
}

/**
 * A kernel on a memory of `createKernelMemory`.
 * @throws where the machine has no WebAssembly SIMD, or the file is not there
 */
export function loadKernel(memory: SharedMemory): Kernel {
  const instance = new wasm.Instance(new wasm.Module(readFileSync(kernelUrl)), { env: { memory } });
  const calls = instance.exports as KernelCalls;
  const tableOf = (factor: number) => factor * TABLE_BYTES;
  return {
    encode: (data, parity, length) => calls.encode(...data, ...parity, length, ENCODE_FACTORS_AT),
    combine: (factors, inputs, output, length) => calls.combine(...inputs, output, length, ...factors.map(tableOf)),
  };
}
