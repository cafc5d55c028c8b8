import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { alternate, cpuMs, defineBench, wallMs } from "@granary/bench";
import { FRAGMENTS_PER_SEGMENT, MiB, SEGMENT_BYTES } from "@granary/primitives";
import { openPipeline, type Pipeline, THREADS } from "./pipeline.js";
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

/** The pipeline as it is, with our kernel beside node:crypto alone, and with the npm codec beside node:crypto. */
const engines = ["native", "portable", "reference"] as const;

export default defineBench({
  names: [
    "pipeline.2-threads.vs-reference-codec",
    "pipeline.2-threads.vs-reference-codec.cpu",
    "pipeline.2-threads",
    "pipeline.share-of-hash-limit",
    "pipeline.share-of-hash-limit.cpu",
    "pipeline.portable.vs-reference-codec",
    "pipeline.portable.vs-reference-codec.cpu",
    "pipeline.portable",
    "pipeline.portable.share-of-hash-limit",
    "pipeline.portable.share-of-hash-limit.cpu",
    "pipeline.bound.vs-reference-codec.cpu",
  ],
  about: `read, encode, thirteen hashes of ${SEGMENTS} segments on 2 threads, as it is and without native code; beside the npm codec, and node:crypto alone`,
  run: ({ record, compare, say }) =>
    withStaged(async (files) => {
      const claim = await files.claim(SEGMENTS * SEGMENT_BYTES);
      const pipelines = engines.map((engine) => openPipeline(files.staging, engine));
      const [native, portable, reference] = pipelines as [Pipeline, Pipeline, Pipeline];
      const hashers = openHashers();
      const digests = async (pipeline: Pipeline) => JSON.stringify([...(await pipeline.encode(claim))].sort());
      const truth = await digests(reference);
      for (const pipeline of pipelines) {
        if ((await digests(pipeline)) !== truth) throw new Error("the pipelines differ");
      }
      const work = {
        native: measured(() => native.encode(claim)),
        portable: measured(() => portable.encode(claim)),
        reference: measured(() => reference.encode(claim)),
        hashing: measured(hashers.hash),
      };
      const wall = await alternate(ROUNDS, {
        native: work.native.wall,
        portable: work.portable.wall,
        reference: work.reference.wall,
        hashing: work.hashing.wall,
      });
      say(`segments by what hashed them: ${JSON.stringify(native.hashedBy())}`);
      await Promise.all([...pipelines, hashers].map((one) => one.close()));
      // The first is of the round that does not count.
      const cpu = (of: keyof typeof work) => work[of].cpu.slice(1);
      const speeds = (ms: readonly number[]) => ms.map((one) => claim.sizeBytes / MiB / (one / 1000));
      compare("pipeline.2-threads.vs-reference-codec", wall.native, wall.reference);
      compare("pipeline.2-threads.vs-reference-codec.cpu", cpu("native"), cpu("reference"));
      record("pipeline.2-threads", "MiB/s", speeds(wall.native));
      compare("pipeline.share-of-hash-limit", wall.native, wall.hashing);
      compare("pipeline.share-of-hash-limit.cpu", cpu("native"), cpu("hashing"));
      compare("pipeline.portable.vs-reference-codec", wall.portable, wall.reference);
      compare("pipeline.portable.vs-reference-codec.cpu", cpu("portable"), cpu("reference"));
      record("pipeline.portable", "MiB/s", speeds(wall.portable));
      compare("pipeline.portable.share-of-hash-limit", wall.portable, wall.hashing);
      compare("pipeline.portable.share-of-hash-limit.cpu", cpu("portable"), cpu("hashing"));
      // What a codec that takes no time at all would make of it beside node:crypto: the rest is hashing.
      compare("pipeline.bound.vs-reference-codec.cpu", cpu("hashing"), cpu("reference"));
    }),
});
