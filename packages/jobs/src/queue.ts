import { setMaxListeners } from "node:events";
import { asCodedError, CodedError, isRetryable } from "@granary/primitives";
import { type About, type Log, outcomeOf, type Register, traceEntry } from "@granary/telemetry";
import { Queue, UnrecoverableError, Worker } from "bullmq";
import { Redis } from "ioredis";
import { createWorkerMetrics, observeQueue, type QueueDepth } from "./metrics.js";

/**
 * A queue inside one service. A job carries a row's id, and the trace to which it belongs; the row in Postgres is the
 * truth, so Redis may be wiped: whoever sweeps the rows adds their jobs again.
 */
export interface JobQueue {
  /** Adds a job unless one with this id waits or runs already. */
  add(rowId: string, options?: { delayMs?: number; trace?: string | null }): Promise<void>;
  /** Jobs that wait, are delayed, or run. */
  depth(): Promise<QueueDepth>;
  close(): Promise<void>;
}

interface JobData {
  /** W3C traceparent. */
  readonly trace?: string;
}

export interface JobWorker {
  /** Stops taking jobs and waits for the running ones. */
  close(): Promise<void>;
}

const connect = (url: string, log: Log): Redis => {
  const connection = new Redis(url, { maxRetriesPerRequest: null, enableReadyCheck: true });
  let isDown = false;
  connection.on("error", (error) => {
    if (!isDown)
      log.thrown("redis is not reachable", new CodedError("REDIS_UNREACHABLE", "unavailable", error.message));
    isDown = true;
  });
  connection.on("ready", () => {
    isDown = false;
  });
  return connection;
};

export function createJobQueue(options: { name: string; redisUrl: string; log: Log; register: Register }): JobQueue {
  const connection = connect(options.redisUrl, options.log);
  const queue = new Queue(options.name, { connection });
  // Without a listener BullMQ prints it; the connection has reported it already.
  queue.on("error", (error) => options.log.debug("queue", { reason: error.message }));
  const jobs: JobQueue = {
    async add(rowId, { delayMs = 0, trace = null } = {}) {
      const data: JobData = trace === null ? {} : { trace };
      // removeOnComplete and removeOnFail free the id, so that a row can be queued again later.
      await queue.add(options.name, data, { jobId: rowId, delay: delayMs, removeOnComplete: true, removeOnFail: true });
    },
    async depth() {
      const counts = await queue.getJobCounts("waiting", "delayed", "active");
      return { waiting: counts.waiting ?? 0, delayed: counts.delayed ?? 0, active: counts.active ?? 0 };
    },
    async close() {
      await queue.close();
      connection.disconnect();
    },
  };
  observeQueue(options.register, options.name, {
    depth: jobs.depth,
    async oldestSeconds() {
      const [next] = await queue.getWaiting(0, 0);
      return next === undefined ? 0 : Math.max(0, (Date.now() - next.timestamp - next.delay) / 1000);
    },
  });
  return jobs;
}

/**
 * Runs `work` for each job. Errors do not make BullMQ retry: the row keeps its own count and due time, and the sweep
 * decides. They are logged by their category.
 */
export function createJobWorker(options: {
  name: string;
  redisUrl: string;
  concurrency: number;
  log: Log;
  register: Register;
  /** What the row is about, for logs and traces. */
  about?: (rowId: string) => About;
  work: (rowId: string, signal: AbortSignal) => Promise<void>;
}): JobWorker {
  const connection = connect(options.redisUrl, options.log);
  const stopping = new AbortController();
  const ended = createWorkerMetrics(options.register, options.name);
  // Every running job listens, and each job may for all that it does.
  setMaxListeners(0, stopping.signal);
  const runJob = async (rowId: string) => {
    const startedAt = performance.now();
    const seconds = () => (performance.now() - startedAt) / 1000;
    try {
      await options.work(rowId, stopping.signal);
      ended("ok", seconds());
    } catch (thrown) {
      ended(outcomeOf(thrown), seconds());
      const error = asCodedError(thrown);
      options.log.thrown(`job of ${options.name} ended with an error`, error, { job: rowId });
      throw isRetryable(error) ? error : new UnrecoverableError(error.code);
    }
  };
  const worker = new Worker<JobData>(
    options.name,
    async ({ id: rowId = "", data }) => {
      const about = options.about?.(rowId) ?? {};
      await traceEntry(`work ${options.name}`, { kind: "consumer", from: data.trace, about }, () => runJob(rowId));
    },
    { connection, concurrency: options.concurrency, lockDuration: 60_000, maxStalledCount: 0 },
  );
  worker.on("error", (error) => options.log.debug("queue worker", { reason: error.message }));
  return {
    async close() {
      stopping.abort();
      await worker.close();
      connection.disconnect();
    },
  };
}
