import { createFilesystemBlobStore } from "@granary/blob-store";
import type { EventHandlersFor, RequestHandlersFor } from "@granary/contracts";
import {
  connectDatabase,
  createAuditLog,
  createDeadLetters,
  createInbox,
  createOutbox,
  type Transaction,
} from "@granary/database";
import { createJobQueue, createJobWorker } from "@granary/jobs";
import { connectNats, consumeEvents, createRelay, respondersFor } from "@granary/messaging";
import {
  createDeadLetterDesk,
  createWiring,
  observeDatabase,
  type Service,
  startService,
  startServiceTracing,
} from "@granary/service-runtime";
import { createLog, createRegister, currentTrace, currentTraceId } from "@granary/telemetry";
import { readOpenEncodings } from "./adapters/open-encodings.js";
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

/** Starts the preprocessor. Parts are listed in the order in which they start; they stop the other way round. */
export async function createApp(config: PreprocessorConfig): Promise<Service> {
  const log = createLog({ service: NAME, level: config.LOG_LEVEL });
  const register = createRegister({ service: NAME, processMetrics: true });
  const { parts, started, loop, pruneMailboxes } = createWiring(log, register);
  started("traces", startServiceTracing(NAME, config), (it) => it.stop());

  const database = started(
    "database",
    observeDatabase(register, connectDatabase({ url: config.DATABASE_URL, poolSize: config.DATABASE_POOL })),
    (it) => it.$disconnect(),
  );
  const outbox = createOutbox(database, "manifest", { currentTrace });
  const deadLetters = createDeadLetters(database, "manifest");
  const inbox = createInbox(database, "manifest");
  const encodings = createPrismaEncodingStore({ database, outbox, leaseMs: config.ENCODE_LEASE });
  const staging = await createFilesystemBlobStore({ root: config.STAGING_DIR, reserveBytes: 0 });
  const encoder = started(
    "encoder threads",
    createThreadEncoder({
      threads: config.ENCODE_THREADS,
      register,
      slots: config.SEGMENT_BUFFERS ?? 2 * config.ENCODE_THREADS + 1,
      engine: config.NATIVE_CODE ? "native" : "portable",
      observe: ({ by, encodeSeconds, hashSeconds }) => {
        metrics.segments.add({ engine: by });
        metrics.encodeSeconds.observe({}, encodeSeconds);
        metrics.hashSeconds.observe({}, hashSeconds);
      },
    }),
    (it) => it.close(),
  );
  const connection = started("nats", await connectNats({ url: config.NATS_URL, name: NAME }), (it) => it.close());
  const queue = started("queue", createJobQueue({ name: QUEUE, redisUrl: config.REDIS_URL, log, register }), (it) =>
    it.close(),
  );
  const metrics = createPreprocessorMetrics(register, {
    encodings: () => readOpenEncodings(database),
    buffersInUse: () => encoder.slotsInUse(),
  });

  const relay = loop("relay", createRelay({ connection, outbox, log, register }).step, RELAY_IDLE_MS);
  pruneMailboxes(outbox, inbox, deadLetters);
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
      deadLetters,
      log,
      register,
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
      about: (jobId) => ({ upload: uploadOfJob(jobId) }),
      log,
      register,
      work: async (jobId, stopping) => {
        const ports = { encodings, staging, encoder, log, failed };
        const outcome = await encodeObject(ports, rules, uploadOfJob(jobId), stopping);
        metrics.uploads.add({ outcome });
        relay.nudge();
      },
    }),
    (it) => it.close(),
  );

  const audit = createAuditLog({ database, service: NAME, traceId: currentTraceId });
  const letters = createDeadLetterDesk({ deadLetters, handlers, audit });
  const requests: RequestHandlersFor<"preprocessor"> = {
    manifestSegments: (input) => showManifest({ encodings }, input),
    encodingShow: async ({ uploadId }) => ({ encoding: await encodings.show(uploadId) }),
    encodingQueues: async () => ({ queues: [{ name: QUEUE, ...(await queue.depth()) }] }),
    encodingDeadLetters: (input) => letters.list(input),
    encodingDeadLetterSettle: (input) => letters.settle(input),
  };
  return startService(
    {
      name: NAME,
      http: { host: config.HTTP_HOST, port: config.HTTP_PORT },
      natsUrl: config.NATS_URL,
      stopping: config,
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
