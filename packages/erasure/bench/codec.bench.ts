import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { alternate, cpuMs, defineBench } from "@granary/bench";
import { DATA_FRAGMENTS, PARITY_FRAGMENTS, SEGMENT_BYTES } from "@granary/primitives";
import { ReedSolomonErasure } from "@subspace/reed-solomon-erasure.wasm";
import { createCodec } from "../src/choose-codec.js";

const ROUNDS = 9;
const GIB_PER_SEGMENT = SEGMENT_BYTES / 2 ** 30;
const speeds = (durationsMs: readonly number[]) => durationsMs.map((ms) => GIB_PER_SEGMENT / (ms / 1000));

const library = readFileSync(
  createRequire(import.meta.url).resolve("@subspace/reed-solomon-erasure.wasm/dist/reed_solomon_erasure_bg.wasm"),
);

/** The npm library as it is, without our fence around it: it works on one buffer of twelve fragments. */
function reference(fragments: readonly Uint8Array[]) {
  const encoder = ReedSolomonErasure.fromBytes(library);
  const shards = Buffer.concat(fragments);
  return {
    shards,
    encode: () => encoder.encode(shards, DATA_FRAGMENTS, PARITY_FRAGMENTS),
    // Never twice on one instance: it was seen to restore wrong bytes.
    reconstruct: (places: readonly (Uint8Array | null)[]) =>
      ReedSolomonErasure.fromBytes(library).reconstruct(
        shards,
        DATA_FRAGMENTS,
        PARITY_FRAGMENTS,
        places.map((bytes) => bytes !== null),
      ),
  };
}

const expectEqual = (a: Uint8Array, b: Uint8Array, what: string) => {
  if (Buffer.compare(a, b) !== 0) throw new Error(`${what} differs from the reference`);
};

async function prepare() {
  const codec = await createCodec();
  const segment = Uint8Array.from({ length: SEGMENT_BYTES }, (_, i) => Math.imul(i, 2654435761) >>> 13);
  const parity = new Uint8Array(2 * SEGMENT_BYTES);
  const fragments = codec.encode(segment, parity);
  const theirs = reference(fragments);
  theirs.shards.fill(0, SEGMENT_BYTES);
  theirs.encode();
  expectEqual(Buffer.concat(fragments), theirs.shards, "encode");
  return { codec, segment, parity, fragments, theirs, into: new Uint8Array(SEGMENT_BYTES) };
}

const without = (fragments: readonly Uint8Array[], rows: readonly number[]) =>
  fragments.map((bytes, row) => (rows.includes(row) ? null : bytes));

export default [
  defineBench({
    names: ["codec.encode.vs-reference", "codec.encode"],
    about: "one 32 MiB segment to twelve fragments, one thread, beside the npm library; processor time",
    async run({ record, compare }) {
      const { codec, segment, parity, theirs } = await prepare();
      const times = await alternate(ROUNDS, {
        ours: () => cpuMs(() => codec.encode(segment, parity)),
        reference: () => cpuMs(theirs.encode),
      });
      compare("codec.encode.vs-reference", times.ours, times.reference);
      record("codec.encode", "GiB/s", speeds(times.ours));
    },
  }),
  defineBench({
    names: ["codec.reconstruct.vs-reference", "codec.reconstruct", "codec.reconstruct-one.vs-reference"],
    about: "the segment from parity alone, and with one data fragment lost, beside the npm library; processor time",
    async run({ record, compare }) {
      const { codec, segment, fragments, theirs, into } = await prepare();
      const noData = without(fragments, [0, 1, 2, 3, 4, 5, 6, 7]);
      const oneLost = without(fragments, [1]);
      for (const places of [noData, oneLost]) expectEqual(codec.reconstruct(places, into), segment, "reconstruct");
      const times = await alternate(ROUNDS, {
        worst: () => cpuMs(() => codec.reconstruct(noData, into)),
        worstReference: () => cpuMs(() => theirs.reconstruct(noData)),
        one: () => cpuMs(() => codec.reconstruct(oneLost, into)),
        oneReference: () => cpuMs(() => theirs.reconstruct(oneLost)),
      });
      compare("codec.reconstruct.vs-reference", times.worst, times.worstReference);
      record("codec.reconstruct", "GiB/s", speeds(times.worst));
      compare("codec.reconstruct-one.vs-reference", times.one, times.oneReference);
    },
  }),
];
