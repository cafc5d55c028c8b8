import { DATA_FRAGMENTS, FRAGMENTS_PER_SEGMENT, KiB } from "@granary/primitives";
import type { CodecCore, ErasureCodec, FragmentPlace } from "./codec.js";
import { codecOf } from "./codec-of.js";
import { restoringMatrix } from "./gf256.js";
import {
  createKernelMemory,
  KERNEL_FREE_FROM,
  type Kernel,
  loadKernel,
  type SharedMemory,
  VECTOR_BYTES,
} from "./kernel.js";

/** Bytes of each fragment that are copied through the kernel's own memory at a time: all twelve stay in the cache. */
const STAGED_BYTES = 8 * KiB;
/** Not a multiple of a page: equal offsets in all twelve tiles would compete for the same lines of the cache. */
const STAGED_STRIDE = STAGED_BYTES + 64;
/** Bytes of each fragment that every wanted row is made of before the next bytes' turn: inputs are read from the cache. */
const RESTORE_TILE_BYTES = 32 * KiB;

/**
 * Our own kernel on 16-byte vectors. Fragments that lie in `shared` are coded where they are; others pass in tiles through
 * a small memory of this codec's own, where the rest of a last vector is coded too, and not read.
 * @throws where the machine has no WebAssembly SIMD
 */
export function createSimdCodec(shared?: SharedMemory): ErasureCodec {
  const staged = stagedCore();
  const placed = shared === undefined ? null : placedCore(shared);
  const coreFor = (views: readonly Uint8Array[]): CodecCore =>
    placed !== null && views.every((view) => isPlaced(view, placed.buffer)) ? placed.core : staged;
  const bytesOf = (places: readonly FragmentPlace[]) => places.map(({ bytes }) => bytes);
  return codecOf({
    name: "simd",
    encodeParity: (data, parity) => coreFor([...data, ...parity]).encodeParity(data, parity),
    restore: (four, wanted) => coreFor([...bytesOf(four), ...bytesOf(wanted)]).restore(four, wanted),
  });
}

const isPlaced = (view: Uint8Array, buffer: ArrayBufferLike): boolean =>
  view.buffer === buffer && view.length % VECTOR_BYTES === 0;

/** Fragments that lie in the kernel's memory: their offsets there are their addresses. */
function placedCore(memory: SharedMemory): { core: CodecCore; buffer: ArrayBufferLike } {
  const kernel = loadKernel(memory);
  const core: CodecCore = {
    name: "simd",
    encodeParity: (data, parity) =>
      kernel.encode(data.map(addressOf), parity.map(addressOf), (data[0] as Uint8Array).length),
    restore(four, wanted) {
      const length = (four[0] as FragmentPlace).bytes.length;
      const factors = factorsOf(four, wanted);
      for (let from = 0; from < length; from += RESTORE_TILE_BYTES) {
        const size = Math.min(RESTORE_TILE_BYTES, length - from);
        const inputs = four.map(({ bytes }) => bytes.byteOffset + from);
        wanted.forEach(({ bytes }, i) => {
          kernel.combine(factors[i] as number[], inputs, bytes.byteOffset + from, size);
        });
      }
    },
  };
  return { core, buffer: memory.buffer };
}

const addressOf = (view: Uint8Array): number => view.byteOffset;
const factorsOf = (four: readonly FragmentPlace[], wanted: readonly FragmentPlace[]): number[][] =>
  restoringMatrix(
    four.map(({ row }) => row),
    wanted.map(({ row }) => row),
  );

/** Fragments that lie anywhere. One instance serves any number of calls and never grows. */
function stagedCore(): CodecCore {
  const memory = createKernelMemory(FRAGMENTS_PER_SEGMENT * STAGED_STRIDE);
  const kernel = loadKernel(memory);
  const view = new Uint8Array(memory.buffer);
  const tile = (row: number) => KERNEL_FREE_FROM + row * STAGED_STRIDE;
  const inputTiles = [0, 1, 2, 3].map(tile);
  const outputTiles = [4, 5, 6, 7, 8, 9, 10, 11].map(tile);

  /** Copies in, lets `code` work on so many bytes, and copies the outputs out, tile by tile. */
  const pass = (
    inputs: readonly Uint8Array[],
    outputs: readonly Uint8Array[],
    code: (kernel: Kernel, bytes: number) => void,
  ) => {
    const length = (inputs[0] as Uint8Array).length;
    for (let from = 0; from < length; from += STAGED_BYTES) {
      const to = Math.min(from + STAGED_BYTES, length);
      for (let k = 0; k < DATA_FRAGMENTS; k += 1) {
        view.set((inputs[k] as Uint8Array).subarray(from, to), inputTiles[k] as number);
      }
      code(kernel, Math.ceil((to - from) / VECTOR_BYTES) * VECTOR_BYTES);
      outputs.forEach((output, i) => {
        const at = outputTiles[i] as number;
        output.set(view.subarray(at, at + to - from), from);
      });
    }
  };

  return {
    name: "simd",
    encodeParity: (data, parity) => pass(data, parity, (on, bytes) => on.encode(inputTiles, outputTiles, bytes)),
    restore(four, wanted) {
      const factors = factorsOf(four, wanted);
      const inputs = four.map(({ bytes }) => bytes);
      const outputs = wanted.map(({ bytes }) => bytes);
      pass(inputs, outputs, (on, bytes) => {
        factors.forEach((row, i) => {
          on.combine(row, inputTiles, outputTiles[i] as number, bytes);
        });
      });
    },
  };
}
