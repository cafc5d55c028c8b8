import { createRegister } from "@granary/telemetry";
import { afterEach, describe, expect, it } from "@jest/globals";
import { createThreadPool, type ThreadPool } from "./thread-pool.js";

/** A body that answers nothing before its gate is open. */
const body = `
  import { parentPort, workerData } from "node:worker_threads";
  parentPort.on("message", ({ id, tasks }) => {
    Atomics.wait(workerData.gate, 0, 0);
    if (tasks.includes("fails")) {
      const error = { code: "TASK_FAILED", category: "bug", message: "it fails", details: {} };
      return parentPort.postMessage({ id, ok: false, error });
    }
    if (tasks.includes("dies")) process.exit(1);
    parentPort.postMessage({ id, ok: true, values: tasks.map((task) => ({ task, together: tasks })) });
  });
`;
const script = new URL(`data:text/javascript,${encodeURIComponent(body)}`);

interface Answer {
  readonly task: string;
  readonly together: readonly string[];
}
const pools: ThreadPool<string, Answer>[] = [];
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.close();
});

/** A pool whose threads answer nothing before `open`. */
function openPool(threads: number, groupMax?: number) {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const register = createRegister({ service: "test", processMetrics: false });
  const pool = createThreadPool<string, Answer>({
    script,
    name: "test",
    threads,
    register,
    data: { gate },
    ...(groupMax === undefined ? {} : { groupMax }),
  });
  pools.push(pool);
  const open = () => {
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
  };
  return { pool, open };
}

describe("a pool of threads", () => {
  it("hands out one task at a time where nothing is said of groups", async () => {
    const { pool, open } = openPool(1);
    const answers = ["a", "b", "c"].map((task) => pool.run(task));
    open();
    expect(await Promise.all(answers)).toEqual(["a", "b", "c"].map((task) => ({ task, together: [task] })));
  });

  it("hands together what waits for a thread, and gives each task its own answer", async () => {
    const { pool, open } = openPool(1, 3);
    const answers = ["a", "b", "c", "d", "e", "f"].map((task) => pool.run(task));
    open();
    const together = (await Promise.all(answers)).map((answer) => `${answer.task} of ${answer.together.join("")}`);
    expect(together).toEqual(["a of a", "b of bcd", "c of bcd", "d of bcd", "e of ef", "f of ef"]);
  });

  it("leaves other threads their share of what waits", async () => {
    const { pool, open } = openPool(2, 4);
    const answers = ["a", "b", "c", "d", "e", "f"].map((task) => pool.run(task));
    open();
    const sizes = (await Promise.all(answers)).map(({ together }) => together.length);
    expect(sizes.slice(0, 2)).toEqual([1, 1]);
    // Whoever is free first finds four that wait for two threads.
    expect(sizes[2]).toBe(2);
    expect(sizes[3]).toBe(2);
  });

  it("fails all tasks of a group together, and none of another", async () => {
    for (const [ill, code] of [
      ["fails", "TASK_FAILED"],
      ["dies", "THREAD_ENDED"],
    ] as const) {
      const { pool, open } = openPool(1, 2);
      const answers = ["a", "b", ill, "c"].map((task) => pool.run(task));
      open();
      const outcomes = await Promise.allSettled(answers);
      const codes = outcomes.map((one) => (one.status === "rejected" ? one.reason.code : one.value.task));
      expect(codes).toEqual(["a", code, code, "c"]);
    }
  });
});
