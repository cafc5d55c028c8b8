import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { alternate, cpuMs, defineBench } from "@granary/bench";
import { DATA_FRAGMENTS, PARITY_FRAGMENTS, SEGMENT_BYTES } from "@granary/primitives";
import { ReedSolomonErasure } from "@subspace/reed-solomon-erasure.wasm";
import { createCodec, createSegmentMemory, slotOf } from "../src/index.js";

const ROUNDS = 9;
/** Ours runs this often for one measurement: about as long as the reference takes, so that both meet the same neighbours. */
const REPEATS = 8;
const GIB_PER_SEGMENT = SEGMENT_BYTES / 2 ** 30;
const speeds = (durationsMs: readonly number[]) => durationsMs.map((ms) => GIB_PER_SEGMENT / (ms / 1000));

const repeatedCpuMs = async (work: () => unknown): Promise<number> => {
  const all = await cpuMs(() => {
    for (let i = 0; i < REPEATS; i += 1) work();
  });
  return all / REPEATS;
};

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

/** Our side as the services use it: a slot of a segment memory, in which the kernel works. */
async function prepare() {
  const segments = createSegmentMemory(1, "fragments");
  const codec = await createCodec(segments.memory);
  const { data, parity } = slotOf(segments, 0);
  const fragments = [...data, ...parity];
  data.forEach((bytes, k) => {
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = Math.imul(i + k, 2654435761) >>> 13;
  });
  codec.encodeParity(data, parity);
  const theirs = reference(fragments);
  theirs.shards.fill(0, SEGMENT_BYTES);
  theirs.encode();
  expectEqual(Buffer.concat(fragments), theirs.shards, "encode");
  return { codec, data, parity, fragments, theirs };
}

const without = (fragments: readonly Uint8Array[], rows: readonly number[]) =>
  fragments.map((bytes, row) => (rows.includes(row) ? null : bytes));

export default [
  defineBench({
    names: ["codec.encode.vs-reference", "codec.encode", "codec.encode-row.vs-reference"],
    about: "one 32 MiB segment to twelve fragments, one thread, beside the npm library; processor time",
    async run({ record, compare }) {
      const { codec, data, parity, theirs } = await prepare();
      const dataOnly = [...data, ...parity.map(() => null)];
      const times = await alternate(ROUNDS, {
        ours: () => repeatedCpuMs(() => codec.encodeParity(data, parity)),
        row: () => repeatedCpuMs(() => codec.restore(dataOnly, [{ row: 11, bytes: parity[7] as Uint8Array }])),
        reference: () => cpuMs(theirs.encode),
      });
      compare("codec.encode.vs-reference", times.ours, times.reference);
      record("codec.encode", "GiB/s", speeds(times.ours));
      compare("codec.encode-row.vs-reference", times.row, times.reference);
    },
  }),
  defineBench({
    names: ["codec.reconstruct.vs-reference", "codec.reconstruct", "codec.reconstruct-one.vs-reference"],
    about: "the four data fragments from parity alone, and one of them, beside the npm library; processor time",
    async run({ record, compare }) {
      const { codec, data, fragments, theirs } = await prepare();
      const all = Buffer.concat(data);
      const noData = without(fragments, [0, 1, 2, 3, 4, 5, 6, 7]);
      const oneLost = without(fragments, [1]);
      const wanted = data.map((bytes, row) => ({ row, bytes }));
      const restoreAll = () => codec.restore(noData, wanted);
      const restoreOne = () => codec.restore(oneLost, wanted.slice(1, 2));
      for (const [restore, lost] of [[restoreAll, data] as const, [restoreOne, data.slice(1, 2)] as const]) {
        for (const bytes of lost) bytes.fill(0);
        restore();
        expectEqual(Buffer.concat(data), all, "reconstruct");
      }
      const times = await alternate(ROUNDS, {
        worst: () => repeatedCpuMs(restoreAll),
        worstReference: () => cpuMs(() => theirs.reconstruct(noData)),
        one: () => repeatedCpuMs(restoreOne),
        oneReference: () => cpuMs(() => theirs.reconstruct(oneLost)),
      });
      compare("codec.reconstruct.vs-reference", times.worst, times.worstReference);
      record("codec.reconstruct", "GiB/s", speeds(times.worst));
      compare("codec.reconstruct-one.vs-reference", times.one, times.oneReference);
    },
  }),
  defineBench({
    names: ["codec.copied-encode.vs-reference", "codec.copied-reconstruct.vs-reference"],
    about: "the same where the bytes lie outside the kernel's memory and are copied through it; processor time",
    async run({ compare }) {
      const { codec, data, fragments, theirs } = await prepare();
      const segment = new Uint8Array(Buffer.concat(data));
      const [parity, into] = [new Uint8Array(2 * SEGMENT_BYTES), new Uint8Array(SEGMENT_BYTES)];
      const noData = without(fragments, [0, 1, 2, 3, 4, 5, 6, 7]).map((bytes) => bytes && new Uint8Array(bytes));
      const times = await alternate(ROUNDS, {
        encode: () => repeatedCpuMs(() => codec.encode(segment, parity)),
        encodeReference: () => cpuMs(theirs.encode),
        reconstruct: () => repeatedCpuMs(() => codec.reconstruct(noData, into)),
        reconstructReference: () => cpuMs(() => theirs.reconstruct(noData)),
      });
      expectEqual(into, segment, "reconstruct");
      compare("codec.copied-encode.vs-reference", times.encode, times.encodeReference);
      compare("codec.copied-reconstruct.vs-reference", times.reconstruct, times.reconstructReference);
    },
  }),
];
