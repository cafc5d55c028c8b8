import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { CodedError, DATA_FRAGMENTS, FRAGMENTS_PER_SEGMENT, KiB, PARITY_FRAGMENTS } from "@granary/primitives";
import { ReedSolomonErasure } from "@subspace/reed-solomon-erasure.wasm";
import type { ErasureCodec, FragmentPlace } from "./codec.js";
import { codecOf } from "./codec-of.js";
import { restoreByTables } from "./table-codec.js";

/**
 * The library copies a whole stripe (all twelve pieces) into its own memory, which never shrinks. So segments pass
 * through in stripes: bytes of each fragment per stripe.
 */
const STRIPE_BYTES = 512 * KiB;

/** What is used of the library; each call of a loader gives a new instance with a memory of its own. */
export type Library = Pick<ReedSolomonErasure, "encode" | "reconstruct">;

const wasmPath = createRequire(import.meta.url).resolve(
  "@subspace/reed-solomon-erasure.wasm/dist/reed_solomon_erasure_bg.wasm",
);

/**
 * The npm codec, fenced in. Seen in its `reconstruct`: after an earlier call on the same instance it crashes, reports
 * missing shards that are there, or says OK over wrong data. Hence here
 * - every reconstruction of a stripe has an instance of its own, thrown away after;
 * - every restored stripe is encoded again and compared with the fragments it was made of. They determine it completely,
 *   so a difference is the library's fault: CODEC_RESULT_WRONG, and no byte of the stripe goes out;
 * - lengths are checked before, because some wrong ones make it panic.
 * One instance for all encoding is sound. It restores data fragments only; the check makes the parity again.
 */
export function createSubspaceCodec(newInstance: () => Library = libraryLoader()): ErasureCodec {
  const encoder = newInstance();

  return codecOf({
    name: "subspace",

    encodeParity(data, parity) {
      const length = (data[0] as Uint8Array).length;
      const room = new Uint8Array(Math.min(STRIPE_BYTES, length) * FRAGMENTS_PER_SEGMENT);
      for (const { from, to } of stripesOf(length)) {
        const size = to - from;
        const stripe = emptyStripe(room, size);
        data.forEach((bytes, k) => {
          stripe.set(bytes.subarray(from, to), k * size);
        });
        expectOk(encoder.encode(stripe, DATA_FRAGMENTS, PARITY_FRAGMENTS), "encode");
        parity.forEach((output, i) => {
          const row = DATA_FRAGMENTS + i;
          output.set(stripe.subarray(row * size, (row + 1) * size), from);
        });
      }
    },

    restore(four, wanted) {
      // A single parity row of four data fragments: the library has no call for that.
      if (four.every(({ row }) => row < DATA_FRAGMENTS)) return restoreByTables(four, wanted);
      const length = (four[0] as FragmentPlace).bytes.length;
      const available = Array.from({ length: FRAGMENTS_PER_SEGMENT }, (_, row) => four.some((one) => one.row === row));
      const room = new Uint8Array(Math.min(STRIPE_BYTES, length) * FRAGMENTS_PER_SEGMENT);
      for (const { from, to } of stripesOf(length)) {
        const size = to - from;
        const stripe = emptyStripe(room, size);
        for (const { row, bytes } of four) stripe.set(bytes.subarray(from, to), row * size);
        expectOk(newInstance().reconstruct(stripe, DATA_FRAGMENTS, PARITY_FRAGMENTS, available), "reconstruct");
        expectOk(encoder.encode(stripe, DATA_FRAGMENTS, PARITY_FRAGMENTS), "encode");
        expectSame(stripe, four, from, to);
        for (const { row, bytes } of wanted) bytes.set(stripe.subarray(row * size, (row + 1) * size), from);
      }
    },
  });
}

function libraryLoader(): () => Library {
  const wasm = readFileSync(wasmPath);
  return () => ReedSolomonErasure.fromBytes(wasm);
}

/** Which bytes of each fragment make up each stripe; the last may be shorter. */
function* stripesOf(fragmentLength: number): Generator<{ from: number; to: number }> {
  for (let from = 0; from < fragmentLength; from += STRIPE_BYTES) {
    yield { from, to: Math.min(from + STRIPE_BYTES, fragmentLength) };
  }
}

/** Zeroed for each use: nothing of the stripe before can be mistaken for a result. */
function emptyStripe(room: Uint8Array, pieceLength: number): Uint8Array {
  return room.subarray(0, pieceLength * FRAGMENTS_PER_SEGMENT).fill(0);
}

function expectOk(result: number, step: string): void {
  if (result !== ReedSolomonErasure.RESULT_OK) {
    throw new CodedError("CODEC_RESULT_WRONG", "bug", `the npm codec refused to ${step} valid fragments`, { result });
  }
}

/** The four pieces that a stripe was restored from must be what it encodes to. */
function expectSame(stripe: Uint8Array, four: readonly FragmentPlace[], from: number, to: number): void {
  const size = to - from;
  for (const { row, bytes } of four) {
    if (Buffer.compare(stripe.subarray(row * size, (row + 1) * size), bytes.subarray(from, to)) !== 0) {
      throw new CodedError("CODEC_RESULT_WRONG", "bug", "the npm codec restored bytes that do not fit its input", {
        row,
        from,
      });
    }
  }
}
