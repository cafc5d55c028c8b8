import { CodedError, DATA_FRAGMENTS, FRAGMENTS_PER_SEGMENT } from "@granary/primitives";
import type { ErasureCodec } from "./codec.js";
import { createKernelMemory, KERNEL_FREE_FROM, type SharedMemory } from "./kernel.js";
import { createSimdCodec } from "./simd-codec.js";
import { createSubspaceCodec } from "./subspace-codec.js";
import { createTableCodec } from "./table-codec.js";

/** A codec that works in place on fragments that lie in `shared`, where it can. */
export type CodecMaker = (shared?: SharedMemory) => ErasureCodec;

/** Tiles, vectors and an odd rest of the fast codec are all in it. */
const SELF_TEST_BYTES = DATA_FRAGMENTS * (8192 + 16 + 3);
/** A tile and a vector: what works in place takes whole vectors only. */
const IN_PLACE_FRAGMENT_BYTES = 32_768 + 16;

/**
 * The codec of this thread: our kernel where it runs and passes the self-test, else the npm codec. Fragments that lie in
 * `shared` (the memory of `createSegmentMemory`) are coded there; any others through copies.
 * @throws CodedError CODEC_UNUSABLE (bug) where none passes
 */
export async function createCodec(shared?: SharedMemory): Promise<ErasureCodec> {
  return firstSound([createSimdCodec, () => createSubspaceCodec()], shared);
}

/** The first that can be made and passes; each call of a maker gives a codec of its own. */
export function firstSound(makers: readonly CodecMaker[], shared?: SharedMemory): ErasureCodec {
  const reasons: string[] = [];
  for (const make of makers) {
    try {
      const codec = make(shared);
      const fault = selfTest(codec) ?? selfTestInPlace(make);
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

const pseudoRandom = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 0xff);

/** Every number of missing data fragments, and every parity row in use. */
const keptRows = [
  [0, 1, 2, 3],
  [1, 2, 3, 4],
  [0, 3, 5, 6],
  [2, 7, 8, 9],
  [4, 5, 10, 11],
  [8, 9, 10, 11],
];

/** What a codec does wrong on a small segment, compared with the look-up tables; null where it is sound. */
export function selfTest(codec: ErasureCodec): string | null {
  const segment = pseudoRandom(SELF_TEST_BYTES);
  const truth = createTableCodec().encode(segment);
  const fragments = codec.encode(segment);
  for (let row = 0; row < FRAGMENTS_PER_SEGMENT; row += 1) {
    if (!isSame(fragments[row], truth[row])) return `encode differs in row ${row}`;
    if (!isSame(codec.encodeRow(segment, row), truth[row])) return `encodeRow differs in row ${row}`;
  }
  for (const kept of keptRows) {
    const restored = codec.reconstruct(truth.map((bytes, row) => (kept.includes(row) ? bytes : null)));
    if (!isSame(restored, segment)) return `reconstruct differs from rows ${kept.join(",")}`;
  }
  return null;
}

/** The same in a shared memory of its own: other threads work in the one that is handed out. */
export function selfTestInPlace(make: CodecMaker): string | null {
  const bytes = IN_PLACE_FRAGMENT_BYTES;
  const memory = createKernelMemory(FRAGMENTS_PER_SEGMENT * bytes);
  const places = Array.from(
    { length: FRAGMENTS_PER_SEGMENT },
    (_, row) => new Uint8Array(memory.buffer, KERNEL_FREE_FROM + row * bytes, bytes),
  );
  const codec = make(memory);
  const truth = createTableCodec().encode(pseudoRandom(DATA_FRAGMENTS * bytes));
  const [data, parity] = [places.slice(0, DATA_FRAGMENTS), places.slice(DATA_FRAGMENTS)];
  data.forEach((place, k) => {
    place.set(truth[k] as Uint8Array);
  });
  codec.encodeParity(data, parity);
  const wrong = places.findIndex((place, row) => !isSame(place, truth[row]));
  if (wrong >= 0) return `encode in place differs in row ${wrong}`;
  for (const kept of keptRows) {
    const lost = places.map((place, row) => ({ row, bytes: place })).filter(({ row }) => !kept.includes(row));
    for (const place of lost) place.bytes.fill(0);
    codec.restore(
      places.map((place, row) => (kept.includes(row) ? place : null)),
      lost,
    );
    if (places.some((place, row) => !isSame(place, truth[row]))) return `restore in place differs from rows ${kept}`;
  }
  return null;
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}
