import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { alternate, cpuMs, defineBench, wallMs } from "@granary/bench";
import { FRAGMENTS_PER_SEGMENT, MiB, SEGMENT_BYTES } from "@granary/primitives";
import { openPipeline, THREADS } from "./pipeline.js";
import { type StagedFiles, stagedFiles } from "./staged.js";

const ROUNDS = 5;
const SEGMENTS = 8;

async function withStaged(work: (files: StagedFiles) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "granary-bench-"));
  try {
    await work(await stagedFiles(folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Threads that hash as many bytes as a pipeline of as many threads does, from memory. */
function openHashers() {
  const workers = Array.from(
    { length: THREADS },
    () =>
      new Worker(new URL("./hash-thread.mjs", import.meta.url), {
        workerData: { segmentBytes: SEGMENT_BYTES, fragments: FRAGMENTS_PER_SEGMENT },
        execArgv: [],
      }),
  );
  const hashed = (worker: Worker) =>
    new Promise<void>((resolve, reject) => {
      worker.once("message", () => resolve());
      worker.once("error", reject);
      worker.postMessage(SEGMENTS / THREADS);
    });
  return {
    hash: () => Promise.all(workers.map(hashed)),
    close: () => Promise.all(workers.map((worker) => worker.terminate())),
  };
}

/** Of the same run of each: the clock says what a user waits for, processor time what neighbours disturb least. */
function measured(work: () => Promise<unknown>) {
  const cpu: number[] = [];
  return {
    cpu,
    async wall() {
      let ms = 0;
      cpu.push(
        await cpuMs(async () => {
          ms = await wallMs(work);
        }),
      );
      return ms;
    },
  };
}

export default defineBench({
  names: [
    "pipeline.2-threads.vs-reference-codec",
    "pipeline.2-threads.vs-reference-codec.cpu",
    "pipeline.share-of-hash-limit",
    "pipeline.share-of-hash-limit.cpu",
    "pipeline.bound.vs-reference-codec.cpu",
    "pipeline.2-threads",
  ],
  about: `read, encode, thirteen hashes of ${SEGMENTS} segments on 2 threads; beside the npm codec, and node:crypto alone`,
  run: ({ record, compare }) =>
    withStaged(async (files) => {
      const claim = await files.claim(SEGMENTS * SEGMENT_BYTES);
      const [fast, slow, hashers] = [
        openPipeline(files.staging, false),
        openPipeline(files.staging, true),
        openHashers(),
      ];
      const digests = async (pipeline: typeof fast) => JSON.stringify([...(await pipeline.encode(claim))].sort());
      if ((await digests(fast)) !== (await digests(slow))) throw new Error("the two pipelines differ");
      const [ours, reference, hashing] = [
        measured(() => fast.encode(claim)),
        measured(() => slow.encode(claim)),
        measured(hashers.hash),
      ];
      const wall = await alternate(ROUNDS, { ours: ours.wall, reference: reference.wall, hashing: hashing.wall });
      await Promise.all([fast.close(), slow.close(), hashers.close()]);
      // The first is of the round that does not count.
      const [ourCpu, referenceCpu, hashingCpu] = [ours, reference, hashing].map(({ cpu }) => cpu.slice(1)) as [
        number[],
        number[],
        number[],
      ];
      compare("pipeline.2-threads.vs-reference-codec", wall.ours, wall.reference);
      compare("pipeline.2-threads.vs-reference-codec.cpu", ourCpu, referenceCpu);
      compare("pipeline.share-of-hash-limit", wall.ours, wall.hashing);
      compare("pipeline.share-of-hash-limit.cpu", ourCpu, hashingCpu);
      // What a codec that takes no time at all would make of it: the rest is hashing.
      compare("pipeline.bound.vs-reference-codec.cpu", hashingCpu, referenceCpu);
      const speed = (ms: number) => claim.sizeBytes / MiB / (ms / 1000);
      record("pipeline.2-threads", "MiB/s", wall.ours.map(speed));
    }),
});
