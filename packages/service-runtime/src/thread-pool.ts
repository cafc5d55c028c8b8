import { Worker } from "node:worker_threads";
import { CodedError } from "@granary/primitives";
import type { Register } from "@granary/telemetry";
import type { ThreadOrder, ThreadReply } from "./thread.js";

/** A fixed number of worker threads, one task at a time each, or one group of tasks. */
export interface ThreadPool<Task, Result> {
  /**
   * Runs the task on the next free thread. Buffers in `transfer` belong to the thread from here on: a result brings
   * them back if the thread puts them there, an error does not.
   * @throws the CodedError that the thread threw; THREAD_ENDED (unavailable) when it died, THREADS_CLOSED (unavailable)
   */
  run(task: Task, transfer?: readonly ArrayBuffer[]): Promise<Result>;
  /** Tasks that wait for a thread. */
  waiting(): number;
  /** Ends the threads; tasks under way and waiting ones are rejected. */
  close(): Promise<void>;
}

interface Job<Task, Result> {
  readonly task: Task;
  readonly transfer: readonly ArrayBuffer[];
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread<Task, Result> {
  readonly worker: Worker;
  /** What it works on; none while it is idle. */
  jobs: readonly Job<Task, Result>[];
}

const ended = (cause?: unknown) =>
  new CodedError("THREAD_ENDED", "unavailable", "a worker thread ended in the middle of a task", {}, { cause });
const closed = () => new CodedError("THREADS_CLOSED", "unavailable", "the worker threads are closed");

/** `script`: a built file whose body is `serveThread`. A thread that dies is replaced by a new one. */
export function createThreadPool<Task, Result>(options: {
  readonly script: URL;
  readonly threads: number;
  /** What the threads do; their load is shown under this name. */
  readonly name: string;
  readonly register: Register;
  /**
   * How many tasks that wait are handed to a thread together; then `script` is a body of `serveGroups`. They succeed or
   * fail together. Never more than one thread's share of those that wait.
   */
  readonly groupMax?: number;
  /** What each thread finds as its `workerData`; a shared memory in it is one and the same in all of them. */
  readonly data?: unknown;
}): ThreadPool<Task, Result> {
  const queue: Job<Task, Result>[] = [];
  const threads = new Set<Thread<Task, Result>>();
  let isClosed = false;
  let lastId = 0;

  function startThread(): Thread<Task, Result> {
    const thread: Thread<Task, Result> = {
      worker: new Worker(options.script, { workerData: options.data }),
      jobs: [],
    };
    let failure: unknown;
    thread.worker.on("message", (reply: ThreadReply<Result>) => {
      const { jobs } = thread;
      thread.jobs = [];
      jobs.forEach((job, i) => {
        if (reply.ok) job.resolve(reply.values[i] as Result);
        else job.reject(CodedError.fromEnvelope(reply.error));
      });
      dispatch();
    });
    thread.worker.on("error", (error) => {
      failure = error;
    });
    thread.worker.on("exit", () => {
      threads.delete(thread);
      for (const job of thread.jobs) job.reject(ended(failure));
      dispatch();
    });
    threads.add(thread);
    return thread;
  }

  function dispatch(): void {
    while (queue.length > 0 && !isClosed) {
      const idle = [...threads].find(({ jobs }) => jobs.length === 0);
      if (idle === undefined && threads.size >= options.threads) return;
      const thread = idle ?? startThread();
      const share = Math.ceil(queue.length / options.threads);
      const jobs = queue.splice(0, Math.min(share, options.groupMax ?? 1));
      thread.jobs = jobs;
      lastId += 1;
      const order: ThreadOrder<Task> = { id: lastId, tasks: jobs.map(({ task }) => task) };
      thread.worker.postMessage(
        order,
        jobs.flatMap(({ transfer }) => transfer),
      );
    }
  }

  options.register.gauge<"granary_thread_tasks", { pool: string; state: "waiting" | "running" }>({
    name: "granary_thread_tasks",
    help: "Tasks that wait for a worker thread, and that run on one",
    labels: { pool: [options.name], state: ["waiting", "running"] },
    collect: (gauge) => {
      const running = [...threads].reduce((sum, { jobs }) => sum + jobs.length, 0);
      gauge.set({ pool: options.name, state: "waiting" }, queue.length);
      gauge.set({ pool: options.name, state: "running" }, running);
    },
  });
  options.register.gauge<"granary_threads", { pool: string }>({
    name: "granary_threads",
    help: "Worker threads that a pool may have",
    labels: { pool: [options.name] },
    collect: (gauge) => gauge.set({ pool: options.name }, options.threads),
  });

  return {
    run: (task, transfer = []) =>
      new Promise((resolve, reject) => {
        if (isClosed) return reject(closed());
        queue.push({ task, transfer, resolve, reject });
        dispatch();
      }),
    waiting: () => queue.length,
    async close() {
      isClosed = true;
      for (const job of queue.splice(0)) job.reject(closed());
      await Promise.all([...threads].map(({ worker }) => worker.terminate()));
    },
  };
}
