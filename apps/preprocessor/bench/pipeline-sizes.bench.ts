import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { defineBench } from "@granary/bench";
import { GiB, MiB } from "@granary/primitives";

const sizes = { "64MiB": 64 * MiB, "1GiB": GiB, "4GiB": 4 * GiB } as const;
const program = fileURLToPath(new URL("./sized-run.ts", import.meta.url));
const hooks = new URL("../../../scripts/lib/typescript.mjs", import.meta.url).href;

interface Run {
  readonly ms: number;
  readonly peakMiB: number;
}

async function runSized(sizeBytes: number): Promise<Run> {
  const folder = await mkdtemp(path.join(tmpdir(), "granary-bench-"));
  try {
    return await new Promise((resolve, reject) => {
      const child = fork(program, [folder, String(sizeBytes)], { execArgv: ["--import", hooks] });
      child.once("message", (run) => resolve(run as Run));
      child.once("exit", (code) => reject(new Error(`a run of the pipeline ended with ${code}`)));
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export default defineBench({
  names: [
    "pipeline.speed.64MiB",
    "pipeline.speed.1GiB",
    "pipeline.speed.4GiB",
    "memory.pipeline.64MiB",
    "memory.pipeline.4GiB",
    "memory.pipeline.4GiB-vs-64MiB",
  ],
  about:
    "the same pipeline once at each size, in a process of its own: speed with its start, and largest resident memory",
  async run({ record }) {
    const runs = {
      "64MiB": await runSized(sizes["64MiB"]),
      "1GiB": await runSized(sizes["1GiB"]),
      "4GiB": await runSized(sizes["4GiB"]),
    };
    for (const size of ["64MiB", "1GiB", "4GiB"] as const) {
      record(`pipeline.speed.${size}`, "MiB/s", [sizes[size] / MiB / (runs[size].ms / 1000)]);
    }
    const [small, large] = [runs["64MiB"].peakMiB, runs["4GiB"].peakMiB];
    record("memory.pipeline.64MiB", "MiB", [small]);
    record("memory.pipeline.4GiB", "MiB", [large], large / small);
    record("memory.pipeline.4GiB-vs-64MiB", "ratio", [large / small], large / small);
  },
});
