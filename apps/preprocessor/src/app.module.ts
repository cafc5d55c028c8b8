import { createFilesystemBlobStore } from "@granary/blob-store";
import type { EventHandlersFor, RequestHandlersFor } from "@granary/contracts";
import { connectDatabase, createInbox, createOutbox, type Database, type Transaction } from "@granary/database";
import { createJobQueue, createJobWorker } from "@granary/jobs";
import { connectNats, consumeEvents, createRelay, respondersFor } from "@granary/messaging";
import { createWiring, type Service, startService } from "@granary/service-runtime";
import { createLog, createRegister } from "@granary/telemetry";
import { createPrismaEncodingStore } from "./adapters/prisma-encoding-store.js";
import { createThreadEncoder } from "./adapters/thread-encoder.js";
import type { PreprocessorConfig } from "./config.js";
import { acceptUpload } from "./flow/accept-upload.js";
import { encodeObject } from "./flow/encode-object.js";
import { queueDue, uploadOfJob } from "./flow/queue-due.js";
import { showManifest } from "./flow/show-manifest.js";
import { createPreprocessorMetrics, failureCodeOf } from "./metrics.js";

const NAME = "preprocessor";
const QUEUE = "encode";
const RELAY_IDLE_MS = 500;
/** A scrape does not wait for a Redis that is away. */
const SCRAPE_WAIT_MS = 1_000;

/** Starts the preprocessor. Parts are listed in the order in which they start; they stop the other way round. */
export async function createApp(config: PreprocessorConfig): Promise<Service> {
  const log = createLog({ service: NAME, level: config.LOG_LEVEL });
  const register = createRegister({ service: NAME, processMetrics: true });
  const { parts, started, loop, pruneMailboxes } = createWiring(log);

  const database = started(
    "database",
    connectDatabase({ url: config.DATABASE_URL, poolSize: config.DATABASE_POOL }),
    (it) => it.$disconnect(),
  );
  const outbox = createOutbox(database, "manifest");
  const inbox = createInbox(database, "manifest");
  const encodings = createPrismaEncodingStore({ database, outbox, leaseMs: config.ENCODE_LEASE });
  const staging = await createFilesystemBlobStore({ root: config.STAGING_DIR, reserveBytes: 0 });
  const encoder = started(
    "encoder threads",
    createThreadEncoder({
      threads: config.ENCODE_THREADS,
      buffers: config.SEGMENT_BUFFERS ?? config.ENCODE_THREADS + 1,
      observe: ({ encodeSeconds, hashSeconds }) => {
        metrics.segments.add({});
        metrics.encodeSeconds.observe({}, encodeSeconds);
        metrics.hashSeconds.observe({}, hashSeconds);
      },
    }),
    (it) => it.close(),
  );
  const connection = started("nats", await connectNats({ url: config.NATS_URL, name: NAME }), (it) => it.close());
  const queue = started("queue", createJobQueue({ name: QUEUE, redisUrl: config.REDIS_URL, log }), (it) => it.close());
  const metrics = createPreprocessorMetrics(register, {
    queue: () => answerWithin(SCRAPE_WAIT_MS, queue.depth(), { waiting: 0, delayed: 0, active: 0 }),
    oldestSeconds: () => oldestSeconds(database),
    buffersInUse: () => encoder.buffersInUse(),
    outboxLagSeconds: () => outbox.lagSeconds(),
  });

  const relay = loop("relay", createRelay({ connection, outbox, log }).step, RELAY_IDLE_MS);
  pruneMailboxes(outbox, inbox);
  const sweep = loop("sweep", () => queueDue({ encodings, queue }), config.SWEEP_INTERVAL);

  const handlers: EventHandlersFor<"preprocessor", Transaction> = {
    uploadReceived: (message, tx) => acceptUpload({ encodings }, message, tx),
  };
  started(
    "consumer",
    consumeEvents({
      connection,
      service: NAME,
      inbox,
      handlers,
      log,
      // The row is committed by now: there is work, or an end to announce again.
      observe: () => {
        sweep.nudge();
        relay.nudge();
      },
    }),
    (it) => it.close(),
  );
  const rules = {
    leaseMs: config.ENCODE_LEASE,
    attemptsMax: config.ENCODE_ATTEMPTS,
    backoffMs: config.ENCODE_BACKOFF,
  };
  const failed = (code: string, outcome: "failed" | "retried") =>
    metrics.failures.add({ code: failureCodeOf(code), outcome });
  started(
    "worker",
    createJobWorker({
      name: QUEUE,
      redisUrl: config.REDIS_URL,
      concurrency: config.ENCODE_JOBS,
      log,
      work: async (jobId, stopping) => {
        const ports = { encodings, staging, encoder, log, failed };
        const outcome = await encodeObject(ports, rules, uploadOfJob(jobId), stopping);
        metrics.uploads.add({ outcome });
        relay.nudge();
      },
    }),
    (it) => it.close(),
  );

  const requests: RequestHandlersFor<"preprocessor"> = {
    manifestSegments: (input) => showManifest({ encodings }, input),
  };
  return startService(
    {
      name: NAME,
      http: { host: config.HTTP_HOST, port: config.HTTP_PORT },
      natsUrl: config.NATS_URL,
      log,
      register,
      responders: respondersFor(NAME, requests),
      checks: {
        postgres: async () => void (await database.$queryRawUnsafe("SELECT 1")),
        nats: async () => connection.flush(),
        redis: async () => {
          await queue.depth();
        },
      },
    },
    parts,
  );
}

async function answerWithin<T>(ms: number, answer: Promise<T>, fallback: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(fallback), ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function oldestSeconds(database: Database): Promise<number> {
  const oldest = await database.encoding.findFirst({
    where: { state: { in: ["queued", "encoding"] } },
    orderBy: { createdAt: "asc" },
    select: { createdAt: true },
  });
  return oldest === null ? 0 : Math.max(0, (Date.now() - oldest.createdAt.getTime()) / 1000);
}
