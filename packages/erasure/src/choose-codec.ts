import { CodedError, DATA_FRAGMENTS, FRAGMENTS_PER_SEGMENT } from "@granary/primitives";
import type { ErasureCodec } from "./codec.js";
import { createSimdCodec } from "./simd-codec.js";
import { createSubspaceCodec } from "./subspace-codec.js";
import { createTableCodec } from "./table-codec.js";

/** Tiles, vectors and an odd rest of the fast codec are all in it. */
const SELF_TEST_BYTES = DATA_FRAGMENTS * (8192 + 16 + 3);

/**
 * The codec of this thread: our kernel where it runs and passes the self-test, else the npm codec.
 * @throws CodedError CODEC_UNUSABLE (bug) where none passes
 */
export async function createCodec(): Promise<ErasureCodec> {
  return firstSound([createSimdCodec, createSubspaceCodec]);
}

/** The first that can be made and passes; each call of a maker gives a codec of its own. */
export function firstSound(makers: readonly (() => ErasureCodec)[]): ErasureCodec {
  const reasons: string[] = [];
  for (const make of makers) {
    try {
      const codec = make();
      const fault = selfTest(codec);
      if (fault === null) return codec;
      reasons.push(`${codec.name}: ${fault}`);
    } catch (thrown) {
      reasons.push(String(thrown));
    }
  }
  throw new CodedError("CODEC_UNUSABLE", "bug", "no erasure codec works on this machine", {
    reasons: reasons.join("; "),
  });
}

/** What a codec does wrong on a small segment, compared with the look-up tables; null where it is sound. */
export function selfTest(codec: ErasureCodec): string | null {
  const segment = Uint8Array.from({ length: SELF_TEST_BYTES }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 0xff);
  const truth = createTableCodec().encode(segment);
  const fragments = codec.encode(segment);
  for (let row = 0; row < FRAGMENTS_PER_SEGMENT; row += 1) {
    if (!isSame(fragments[row], truth[row])) return `encode differs in row ${row}`;
    if (!isSame(codec.encodeRow(segment, row), truth[row])) return `encodeRow differs in row ${row}`;
  }
  // Every number of missing data fragments, and every parity row in use.
  for (const kept of [
    [0, 1, 2, 3],
    [1, 2, 3, 4],
    [0, 3, 5, 6],
    [2, 7, 8, 9],
    [4, 5, 10, 11],
    [8, 9, 10, 11],
  ]) {
    const restored = codec.reconstruct(truth.map((bytes, row) => (kept.includes(row) ? bytes : null)));
    if (!isSame(restored, segment)) return `reconstruct differs from rows ${kept.join(",")}`;
  }
  return null;
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}
