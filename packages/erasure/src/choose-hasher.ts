import { createHash } from "node:crypto";
import { type NativeEngine, nativeEngines } from "@granary/native";
import { DATA_FRAGMENTS, KiB, PARITY_FRAGMENTS } from "@granary/primitives";
import type { ErasureCodec } from "./codec.js";
import { hashSegment } from "./hash-segment.js";
import { type Clock, type HashSegments, nativeHasher, portableHasher } from "./segment-hasher.js";
import type { Slot } from "./segment-memory.js";
import { createTableCodec } from "./table-codec.js";

/** A block, and a tile and a block. */
const SELF_TEST_FRAGMENT_BYTES = [64, 8192 + 64];
/** Strings that end before, in and behind the room for the length in their last block, and of several blocks. */
const SELF_TEST_STRING_BYTES = [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 4096, 5000, 127, 9, 640, 641, 300];
const TRIAL_FRAGMENT_BYTES = 32 * KiB;
const TRIAL_ROUNDS = 3;
const DIGEST_BYTES = 32;

/**
 * What hashes segments in this thread: the first native engine that passes the self-test, for groups of segments of which
 * it makes less work than node:crypto beside `codec`; that itself for others, and where there is no engine. Which is
 * faster depends on the processor: one with SHA instructions hashes a single stream as fast as eight in lanes.
 */
export function createSegmentHasher(
  codec: ErasureCodec,
  now: Clock,
  engines: readonly NativeEngine[] = nativeEngines(),
): HashSegments {
  const portable = portableHasher(codec, now);
  const engine = engines.find((one) => isSound(() => hasherFault(nativeHasher(one), one.groupMax)));
  if (engine === undefined) return portable;
  const native = nativeHasher(engine);
  // How long it takes does not depend on the bytes.
  const one = slotOf(() => new Uint8Array(TRIAL_FRAGMENT_BYTES));
  const portableMs = leastMs(() => portable([one]), now);
  const isFaster = Array.from({ length: engine.groupMax }, (_, k) => {
    const slots = Array<Slot>(k + 1).fill(one);
    return leastMs(() => native(slots), now) < slots.length * portableMs;
  });
  return (slots) => (isFaster[Math.min(slots.length, engine.groupMax) - 1] ? native(slots) : portable(slots));
}

/** SHA-256 of each string, 32 bytes each, one behind the other. */
export type HashEach = (strings: readonly Uint8Array[]) => Uint8Array;

/** The same choice where many strings are hashed at a time, and nothing is coded. */
export function createHashEach(engines: readonly NativeEngine[] = nativeEngines()): HashEach {
  return engines.find(({ hashEach }) => isSound(() => hashEachFault(hashEach)))?.hashEach ?? hashEachAlone;
}

function isSound(faultOf: () => string | null): boolean {
  try {
    return faultOf() === null;
  } catch {
    return false;
  }
}

function hashEachAlone(strings: readonly Uint8Array[]): Uint8Array {
  const digests = new Uint8Array(strings.length * DIGEST_BYTES);
  strings.forEach((bytes, i) => {
    digests.set(createHash("sha256").update(bytes).digest(), i * DIGEST_BYTES);
  });
  return digests;
}

/** What is wrong in any group of up to one more than fits; null where the hasher is sound. */
export function hasherFault(hash: HashSegments, groupMax: number): string | null {
  const truthful = createTableCodec();
  for (const bytes of SELF_TEST_FRAGMENT_BYTES) {
    const all = Array.from({ length: groupMax + 1 }, (_, seed) =>
      slotOf((row) => pseudoRandom(bytes, DATA_FRAGMENTS * seed + row)),
    );
    const truth = all.map(({ data }) => hashSegment(Buffer.concat(data), truthful));
    for (let count = 1; count <= all.length; count += 1) {
      const { digests } = hash(all.slice(0, count));
      const isSame = JSON.stringify(digests) === JSON.stringify(truth.slice(0, count));
      if (!isSame) return `hashes differ of ${count} segments of ${bytes} bytes a fragment`;
    }
  }
  return null;
}

/** What is wrong, compared with node:crypto; null where `hash` is sound. */
export function hashEachFault(hash: HashEach): string | null {
  const strings = SELF_TEST_STRING_BYTES.map((bytes, seed) => pseudoRandom(bytes, seed));
  for (const count of [1, 2, 7, 9, strings.length]) {
    const some = strings.slice(0, count);
    if (Buffer.compare(hash(some), hashEachAlone(some)) !== 0) return `hashes differ of ${count} strings`;
  }
  return null;
}

function leastMs(work: () => unknown, now: Clock): number {
  const times = Array.from({ length: TRIAL_ROUNDS }, () => {
    const startedAt = now();
    work();
    return now() - startedAt;
  });
  return Math.min(...times);
}

function pseudoRandom(length: number, seed: number): Uint8Array {
  const { imul } = Math;
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) bytes[i] = imul(i + 1, 2654435761 + 2 * seed) >>> 13;
  return bytes;
}

/** Four fragments of a segment, and a tile of their length for each row of parity. */
function slotOf(fragment: (row: number) => Uint8Array): Slot {
  const data = Array.from({ length: DATA_FRAGMENTS }, (_, row) => fragment(row));
  const tile = (data[0] as Uint8Array).length;
  return { data, parity: Array.from({ length: PARITY_FRAGMENTS }, () => new Uint8Array(tile)) };
}
