import { type Outcome, outcomes, type Register } from "@granary/telemetry";

const states = ["waiting", "delayed", "active"] as const;
export type QueueDepth = Readonly<Record<(typeof states)[number], number>>;

/** Depth and age of a queue, asked at scrape time. */
export function observeQueue(
  register: Register,
  queue: string,
  read: { depth: () => Promise<QueueDepth>; oldestSeconds: () => Promise<number> },
): void {
  register.gauge<"granary_queue_jobs", { queue: string; state: (typeof states)[number] }>({
    name: "granary_queue_jobs",
    help: "Jobs in a queue, by state",
    labels: { queue: [queue], state: states },
    collect: async (gauge) => {
      const depth = await read.depth();
      for (const state of states) gauge.set({ queue, state }, depth[state]);
    },
  });
  register.gauge<"granary_queue_oldest_seconds", { queue: string }>({
    name: "granary_queue_oldest_seconds",
    help: "How long the job that is next has waited for a worker; 0 when none waits",
    labels: { queue: [queue] },
    collect: async (gauge) => gauge.set({ queue }, await read.oldestSeconds()),
  });
}

/** How many jobs ended, how, and how long they took. */
export function createWorkerMetrics(register: Register, queue: string): (outcome: Outcome, seconds: number) => void {
  const ended = register.counter<{ queue: string; outcome: Outcome }>({
    name: "granary_jobs_total",
    help: "Jobs that ended, by queue and outcome",
    labels: { queue: [queue], outcome: outcomes },
  });
  const took = register.histogram<{ queue: string }>({
    name: "granary_job_seconds",
    help: "Running one job",
    buckets: [0.05, 0.25, 1, 2.5, 5, 10, 30, 60, 300, 1800],
    labels: { queue: [queue] },
  });
  return (outcome, seconds) => {
    ended.add({ queue, outcome });
    took.observe({ queue }, seconds);
  };
}
