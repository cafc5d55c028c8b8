// biome-ignore-all lint/style/noRestrictedGlobals: a program for people, not a part of the core
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { DATA_FRAGMENTS, FRAGMENTS_PER_SEGMENT, KiB, PARITY_FRAGMENTS, SEGMENT_BYTES } from "@granary/primitives";
import { ReedSolomonErasure } from "@subspace/reed-solomon-erasure.wasm";
import { createCodec } from "./choose-codec.js";

/**
 * The chosen codec beside the npm library as it is, without our fence around it, in one run: rounds alternate between
 * the two, so that what disturbs one disturbs the other. Times are CPU time of this process.
 */
const ROUNDS = 9;
/** Bytes of a segment's stripe when fragments are made to be hashed and forgotten; see `hash-segment.ts`. */
const STRIPE_BYTES = DATA_FRAGMENTS * 64 * KiB;

const codec = await createCodec();
const library = readFileSync(
  createRequire(import.meta.url).resolve("@subspace/reed-solomon-erasure.wasm/dist/reed_solomon_erasure_bg.wasm"),
);
const encoder = ReedSolomonErasure.fromBytes(library);

const segment = Uint8Array.from({ length: SEGMENT_BYTES }, (_, i) => Math.imul(i, 2654435761) >>> 13);
const parity = new Uint8Array(2 * SEGMENT_BYTES);
const into = new Uint8Array(SEGMENT_BYTES);
const shards = new Uint8Array(3 * SEGMENT_BYTES);
shards.set(segment);
const stripeParity = parity.subarray(0, 2 * STRIPE_BYTES);
const stripeShards = shards.subarray(0, 3 * STRIPE_BYTES);
const fragments = codec.encode(segment).map((fragment) => fragment.slice());
const without = (...rows: number[]) => fragments.map((bytes, row) => (rows.includes(row) ? null : bytes));
const noData = without(0, 1, 2, 3, 4, 5, 6, 7);
const oneLost = without(1);

const libraryEncode = (bytes: Uint8Array) => encoder.encode(bytes, DATA_FRAGMENTS, PARITY_FRAGMENTS);
const libraryReconstruct = (places: readonly (Uint8Array | null)[]) =>
  ReedSolomonErasure.fromBytes(library).reconstruct(
    shards,
    DATA_FRAGMENTS,
    PARITY_FRAGMENTS,
    places.map((bytes) => bytes !== null),
  );
const eachStripe = (act: (stripe: Uint8Array) => void) => {
  for (let from = 0; from < SEGMENT_BYTES; from += STRIPE_BYTES) act(segment.subarray(from, from + STRIPE_BYTES));
};

const tasks: readonly { name: string; ours: () => void; theirs: () => void }[] = [
  {
    name: "encode, segment to memory",
    ours: () => codec.encode(segment, parity),
    theirs: () => libraryEncode(shards),
  },
  {
    name: "encode, stripe by stripe",
    ours: () => eachStripe((stripe) => codec.encode(stripe, stripeParity)),
    theirs: () => eachStripe(() => libraryEncode(stripeShards)),
  },
  {
    name: "reconstruct, all data lost",
    ours: () => codec.reconstruct(noData, into),
    theirs: () => libraryReconstruct(noData),
  },
  {
    name: "reconstruct, one data lost",
    ours: () => codec.reconstruct(oneLost, into),
    theirs: () => libraryReconstruct(oneLost),
  },
];

function cpuMs(act: () => void): number {
  const before = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

console.log(`${codec.name} beside the npm library, ${FRAGMENTS_PER_SEGMENT} fragments of a 32 MiB segment`);
console.log(`CPU ms, medians of ${ROUNDS} rounds; the ratio is the median of each round's`);
for (const { name, ours, theirs } of tasks) {
  cpuMs(ours);
  cpuMs(theirs);
  const rounds = Array.from({ length: ROUNDS }, () => ({ ours: cpuMs(ours), theirs: cpuMs(theirs) }));
  const oursMs = median(rounds.map((round) => round.ours));
  const theirsMs = median(rounds.map((round) => round.theirs));
  const ratio = median(rounds.map((round) => round.theirs / round.ours));
  const speed = SEGMENT_BYTES / 2 ** 30 / (oursMs / 1000);
  console.log(
    `${name.padEnd(28)} ${oursMs.toFixed(1).padStart(6)} ${theirsMs.toFixed(1).padStart(7)}` +
      `  ${ratio.toFixed(1).padStart(5)} x  ${speed.toFixed(2)} GiB/s`,
  );
}
