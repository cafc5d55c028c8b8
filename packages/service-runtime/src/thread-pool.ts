import { Worker } from "node:worker_threads";
import { CodedError } from "@granary/primitives";
import type { Register } from "@granary/telemetry";
import type { ThreadOrder, ThreadReply } from "./thread.js";

/** A fixed number of worker threads, one task at a time each. */
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
  job: Job<Task, Result> | undefined;
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
      job: undefined,
    };
    let failure: unknown;
    thread.worker.on("message", (reply: ThreadReply<Result>) => {
      const job = thread.job;
      thread.job = undefined;
      if (reply.ok) job?.resolve(reply.value);
      else job?.reject(CodedError.fromEnvelope(reply.error));
      dispatch();
    });
    thread.worker.on("error", (error) => {
      failure = error;
    });
    thread.worker.on("exit", () => {
      threads.delete(thread);
      thread.job?.reject(ended(failure));
      dispatch();
    });
    threads.add(thread);
    return thread;
  }

  function dispatch(): void {
    while (queue.length > 0 && !isClosed) {
      const idle = [...threads].find(({ job }) => job === undefined);
      if (idle === undefined && threads.size >= options.threads) return;
      const thread = idle ?? startThread();
      const job = queue.shift() as Job<Task, Result>;
      thread.job = job;
      lastId += 1;
      thread.worker.postMessage({ id: lastId, task: job.task } satisfies ThreadOrder<Task>, [...job.transfer]);
    }
  }

  options.register.gauge<"granary_thread_tasks", { pool: string; state: "waiting" | "running" }>({
    name: "granary_thread_tasks",
    help: "Tasks that wait for a worker thread, and that run on one",
    labels: { pool: [options.name], state: ["waiting", "running"] },
    collect: (gauge) => {
      const running = [...threads].filter(({ job }) => job !== undefined).length;
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
