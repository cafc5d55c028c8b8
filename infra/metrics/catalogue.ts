// Every metric of every service, from the factories that the services use. That a running service has these and no
// others is shown by infra/grafana/test/live.spec.ts.
import { createIndexerMetrics } from "../../apps/chain-indexer/src/metrics.js";
import { createGrpcMetrics } from "../../apps/ingest-gateway/src/grpc/metrics.js";
import { createGatewayMetrics } from "../../apps/ingest-gateway/src/metrics.js";
import { createPreprocessorMetrics } from "../../apps/preprocessor/src/metrics.js";
import { createRetrievalMetrics } from "../../apps/retrieval/src/metrics.js";
import { createSchedulerMetrics } from "../../apps/scheduler/src/metrics.js";
import { createMinerMetrics } from "../../apps/storage-miner/src/metrics.js";
import type { Service } from "../../packages/contracts/src/contract.js";
import type { Database } from "../../packages/database/src/client.js";
import { createWorkerMetrics, observeQueue } from "../../packages/jobs/src/metrics.js";
import {
  createConsumerMetrics,
  createRelayMetrics,
  observeRequester,
  observeResponders,
} from "../../packages/messaging/src/metrics.js";
import { observeDatabase } from "../../packages/service-runtime/src/database-metrics.js";
import { createHealth } from "../../packages/service-runtime/src/health.js";
import { createHttpMetrics } from "../../packages/service-runtime/src/http-metrics.js";
import { observeStep } from "../../packages/service-runtime/src/loop-metrics.js";
import { createThreadPool } from "../../packages/service-runtime/src/thread-pool.js";
import { createRegister, type Family, type Register } from "../../packages/telemetry/src/register.js";

export interface ServiceMetrics {
  /** The value of the label `service`. */
  readonly service: string;
  readonly families: readonly Family[];
}

type Part = (register: Register, service: string) => unknown;

/** Stands for whatever a factory reads at scrape time: nothing is scraped here. */
// biome-ignore lint/suspicious/noExplicitAny: it is every factory's argument
const unread: any = new Proxy({}, { get: () => () => 0 });

/** What packages measure for a service that uses them. */
const runtime: Part = (register) => {
  createHttpMetrics(register, []);
  createHealth({}).observe(register);
};
const loops: Part = (register) => observeStep(register, "any", unread);
const database: Part = (register) => observeDatabase(register, {} as Database);
const outbox: Part = (register) => createRelayMetrics(register, unread);
const requests: Part = (register) => observeResponders(register, []);
const calls: Part = (register) => observeRequester(register, unread);
const facts: Part = (register, service) => createConsumerMetrics(register, service as Service, unread);
const threads: Part = (register) =>
  createThreadPool({ script: new URL("file:///never-started"), threads: 0, name: "any", register });
const queues: Part = (register) => {
  observeQueue(register, "any", unread);
  createWorkerMetrics(register, "any");
};

const partsOf: Readonly<Record<string, readonly Part[]>> = {
  "ingest-gateway": [
    runtime,
    loops,
    database,
    outbox,
    requests,
    calls,
    facts,
    createGrpcMetrics,
    (it) => createGatewayMetrics(it, unread),
  ],
  preprocessor: [
    runtime,
    loops,
    database,
    outbox,
    requests,
    facts,
    threads,
    queues,
    (it) => createPreprocessorMetrics(it, unread),
  ],
  scheduler: [
    runtime,
    loops,
    database,
    outbox,
    requests,
    calls,
    facts,
    threads,
    queues,
    (it) => createSchedulerMetrics(it, unread),
  ],
  "chain-indexer": [
    runtime,
    loops,
    database,
    outbox,
    requests,
    (it) => createIndexerMetrics(it, { ...unread, nodes: () => [] }),
  ],
  retrieval: [runtime, loops, database, outbox, calls, threads, (it) => createRetrievalMetrics(it, unread)],
  "storage-miner": [createMinerMetrics],
};

export const catalogue: readonly ServiceMetrics[] = Object.entries(partsOf).map(([service, parts]) => {
  const register = createRegister({ service, processMetrics: true });
  for (const part of parts) part(register, service);
  return { service, families: register.families() };
});

/** All metrics by name; labels are those of all services that have it. */
export const families: ReadonlyMap<string, Family> = new Map(
  catalogue
    .flatMap((one) => one.families)
    .reduce((all, family) => {
      const before = all.get(family.name);
      const labels = Object.entries(family.labels).map(([label, values]) => [
        label,
        [...new Set([...(before?.labels[label] ?? []), ...values])],
      ]);
      return all.set(family.name, { ...family, labels: Object.fromEntries(labels) });
    }, new Map<string, Family>()),
);
