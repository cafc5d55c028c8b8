import { createFilesystemBlobStore } from "@granary/blob-store";
import { type ChainClient, connectChain, loadSigner } from "@granary/chain-client";
import type { RequestHandlersFor } from "@granary/contracts";
import { connectDatabase, createInbox, createOutbox } from "@granary/database";
import { defaultPolicy, type MinerPolicy, oneMachineConstraints, spreadConstraints } from "@granary/domain/miner";
import { createJobQueue, createJobWorker } from "@granary/jobs";
import { connectNats, consumeEvents, createRelay, respondersFor } from "@granary/messaging";
import { connectRequester, type Part, runLoop, type Service, type Step, startService } from "@granary/service-runtime";
import { createLog, createRegister } from "@granary/telemetry";
import { createDatabaseReadings } from "./adapters/database-readings.js";
import { createMinerGate } from "./adapters/miner-gate.js";
import { createPrismaDealStore } from "./adapters/prisma-deal-store.js";
import { createPrismaMinerPool } from "./adapters/prisma-miner-pool.js";
import { createPrismaTransactionStore } from "./adapters/prisma-transaction-store.js";
import { createRequestedManifests } from "./adapters/requested-manifests.js";
import { createThreadSegmentEncoder } from "./adapters/thread-segment-encoder.js";
import type { SchedulerConfig } from "./config.js";
import { declareDeal } from "./flow/declare-deal.js";
import { deleteObject } from "./flow/delete-object.js";
import { followTransactions } from "./flow/follow-transactions.js";
import { factHandlers } from "./flow/hear-facts.js";
import { listMiners } from "./flow/list-miners.js";
import { mirrorMiners } from "./flow/mirror-miners.js";
import { passTime } from "./flow/pass-time.js";
import { placeColumns } from "./flow/place-columns.js";
import { probeMiners } from "./flow/probe-miners.js";
import { queueDue, uploadOfJob } from "./flow/queue-due.js";
import { registerGateway } from "./flow/register-gateway.js";
import { reviewDue } from "./flow/review-deal.js";
import { showDeal } from "./flow/show-deal.js";
import { createObserver, createSchedulerMetrics, type SchedulerMetrics } from "./metrics.js";
import type { CallsPort, ChainPort, MinerGate, WriterPort } from "./ports.js";

const NAME = "scheduler";
const RELAY_IDLE_MS = 500;
const FOLLOW_IDLE_MS = 2_000;
const PROBE_IDLE_MS = 5_000;
const PRUNE_EVERY_MS = 600_000;
const FACTS_KEPT_MS = 7 * 86_400_000;

/** What tests put in the place of the world outside. */
export interface Overrides {
  readonly chain?: {
    readonly reader: ChainPort;
    readonly writer: WriterPort;
    readonly calls: CallsPort;
    isConnected(): boolean;
    close(): Promise<void>;
  };
  readonly gate?: MinerGate;
  readonly policy?: Partial<MinerPolicy>;
}

/** Starts the scheduler. Parts are listed in the order in which they start; they stop the other way round. */
export async function createApp(config: SchedulerConfig, overrides: Overrides = {}): Promise<Service> {
  const log = createLog({ service: NAME, level: config.LOG_LEVEL });
  const register = createRegister({ service: NAME, processMetrics: true });
  const parts: Part[] = [];
  const started = <T>(name: string, part: T, stop: (part: T) => Promise<unknown>): T => {
    parts.push({ name, stop: async () => void (await stop(part)) });
    return part;
  };
  const clock = () => Date.now();
  const random = () => Math.random();
  const policy: MinerPolicy = {
    ...defaultPolicy,
    cooldownBaseMs: config.COOLDOWN_BASE,
    cooldownMaxMs: config.COOLDOWN_MAX,
    ...overrides.policy,
  };

  const database = started(
    "database",
    connectDatabase({ url: config.DATABASE_URL, poolSize: config.DATABASE_POOL }),
    (it) => it.$disconnect(),
  );
  const outbox = createOutbox(database, "scheduling");
  const inbox = createInbox(database, "scheduling");
  let metrics: SchedulerMetrics;
  const observer = createObserver(() => metrics);
  const miners = createPrismaMinerPool({ database, clock, random, policy });
  const deals = createPrismaDealStore({ database, outbox, miners, clock, leaseMs: config.LEASE, observer });
  const transactions = createPrismaTransactionStore({ database, clock, observer });

  const signer = await loadSigner(config.GATEWAY_MNEMONIC.reveal());
  const staging = await createFilesystemBlobStore({ root: config.STAGING_DIR, reserveBytes: 0 });
  const { reader, writer, calls, isConnected } = started(
    "chain",
    overrides.chain ?? (await connectChain({ urls: config.CHAIN_URL.split(","), log })),
    (it: Pick<ChainClient, "close">) => it.close(),
  );
  const gate =
    overrides.gate ??
    started(
      "miner connections",
      createMinerGate({ signer, allowPrivateAddresses: config.ALLOW_PRIVATE_MINERS }),
      (it) => it.close(),
    );
  const encoder = started(
    "encoder threads",
    createThreadSegmentEncoder({ threads: config.ENCODE_THREADS, buffers: config.SEGMENT_BUFFERS }),
    (it) => it.close(),
  );
  const connection = started("nats", await connectNats({ url: config.NATS_URL, name: NAME }), (it) => it.close());
  const { request, part } = await connectRequester({ natsUrl: config.NATS_URL });
  parts.push(part);
  const manifests = createRequestedManifests(request);
  const queueOf = (name: string) =>
    started(`queue ${name}`, createJobQueue({ name, redisUrl: config.REDIS_URL, log }), (it) => it.close());
  const declarations = queueOf("declare");
  const rounds = queueOf("send");

  metrics = createSchedulerMetrics(register, {
    ...createDatabaseReadings(database, clock),
    buffersInUse: () => encoder.buffersInUse(),
    outboxLagSeconds: () => outbox.lagSeconds(),
    isChainConnected: isConnected,
    queues: async () => ({ declare: depthOf(await declarations.depth()), send: depthOf(await rounds.depth()) }),
  });

  const loop = (name: string, step: Step, idleMs: number) =>
    started(name, runLoop({ name, step, idleMs, log }), (it) => it.stop());
  const relay = loop("relay", createRelay({ connection, outbox, log }).step, RELAY_IDLE_MS);
  loop("prune", () => prune([outbox, inbox]), PRUNE_EVERY_MS);
  loop("pass time", () => passTime({ deals }), config.SWEEP_INTERVAL);
  const sweep = loop("sweep", () => queueDue({ deals, declarations, rounds }), config.SWEEP_INTERVAL);
  const submit = { transactions, chain: reader, writer, signer, log, clock, calls };
  loop("follow transactions", () => followTransactions(submit), FOLLOW_IDLE_MS);
  const review = { deals, manifests, chain: reader, clock, log };
  const reviews = loop("review", () => reviewDue(review, config.REVIEW_INTERVAL), config.SWEEP_INTERVAL);
  loop("probe miners", () => probeMiners({ miners, gate }), PROBE_IDLE_MS);
  loop(
    "mirror miners",
    async () => {
      const count = await mirrorMiners({
        miners,
        page: (after, size) => request("chainMinersList", { after, count: size }),
      });
      // An indexer that has just begun knows nobody yet.
      return count === 0 ? { throttledMs: config.SWEEP_INTERVAL } : "idle";
    },
    config.MINERS_INTERVAL,
  );
  const domain = config.GATEWAY_DOMAIN;
  if (domain !== undefined) {
    loop("register gateway", async () => ((await registerGateway(submit, domain)) ? "idle" : "busy"), PRUNE_EVERY_MS);
  }

  started(
    "consumer",
    consumeEvents({
      connection,
      service: NAME,
      inbox,
      handlers: factHandlers({ deals, miners }),
      log,
      // The rows are committed by now: there is work, or something to announce.
      observe: () => {
        sweep.nudge();
        reviews.nudge();
        relay.nudge();
      },
    }),
    (it) => it.close(),
  );
  const worker = (
    name: string,
    concurrency: number,
    work: (uploadId: ReturnType<typeof uploadOfJob>, stopping: AbortSignal) => Promise<unknown>,
  ) =>
    started(
      `worker ${name}`,
      createJobWorker({
        name,
        redisUrl: config.REDIS_URL,
        concurrency,
        log,
        work: async (jobId, stopping) => {
          await work(uploadOfJob(jobId), stopping);
          relay.nudge();
          sweep.nudge();
        },
      }),
      (it) => it.close(),
    );
  const declareRules = {
    leaseMs: config.LEASE,
    obstaclePatienceMs: config.OBSTACLE_PATIENCE,
    reviewMs: config.REVIEW_INTERVAL,
  };
  worker("declare", config.DECLARE_CONCURRENCY, (uploadId, stopping) =>
    declareDeal({ ...submit, deals, manifests, observer }, declareRules, uploadId, stopping),
  );
  const placePorts = { deals, miners, manifests, staging, encoder, gate, clock, random, observer, log };
  const placeRules = placeRulesOf(config, policy);
  worker("send", config.SEND_CONCURRENCY, (uploadId, stopping) =>
    placeColumns(placePorts, placeRules, uploadId, stopping),
  );

  const requests: RequestHandlersFor<"scheduler"> = {
    dealShow: (input) => showDeal({ deals, miners }, input),
    objectDelete: (input) => deleteObject(submit, input),
    minersList: (input) => listMiners({ miners, clock }, policy, input),
    gatewayShow: async () => {
      const [free, record] = await Promise.all([
        reader.freeBalance(signer.account, "best"),
        reader.gateway(signer.account, "best"),
      ]);
      return { account: signer.account, freeBalance: free.toString(), isRegistered: record !== null };
    },
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
        redis: async () => void (await rounds.depth()),
        chain: async () => {
          if (!isConnected()) throw new Error("no connection to a chain node");
        },
      },
    },
    parts,
  );
}

const depthOf = (depth: { waiting: number; delayed: number; active: number }): number =>
  depth.waiting + depth.delayed + depth.active;

const DEAL_NOT_SEEN_MS = 45_000;
const STAGING_ATTEMPTS_MAX = 12;

const placeRulesOf = (config: SchedulerConfig, policy: MinerPolicy) => ({
  policy,
  constraints: config.ALLOW_PRIVATE_MINERS ? oneMachineConstraints : spreadConstraints,
  leaseMs: config.LEASE,
  report: {
    baseMs: config.REPORT_DEADLINE_BASE,
    perColumnMs: config.REPORT_DEADLINE_PER_COLUMN,
    maxMs: config.REPORT_DEADLINE_MAX,
  },
  stallMinMs: config.STALL_MIN,
  stallMaxMs: config.STALL_MAX,
  dealNotSeenMs: DEAL_NOT_SEEN_MS,
  stagingAttemptsMax: STAGING_ATTEMPTS_MAX,
});

async function prune(mailboxes: readonly { prune(before: Date): Promise<number> }[]): Promise<"idle"> {
  for (const mailbox of mailboxes) await mailbox.prune(new Date(Date.now() - FACTS_KEPT_MS));
  return "idle";
}
