import { createFilesystemBlobStore } from "@granary/blob-store";
import { connectChain, loadSigner } from "@granary/chain-client";
import { connectDatabase, createAuditLog, createDeadLetters, createInbox, createOutbox } from "@granary/database";
import { defaultPolicy, type MinerPolicy } from "@granary/domain/miner";
import { createJobQueue } from "@granary/jobs";
import { connectNats } from "@granary/messaging";
import {
  connectRequester,
  createWiring,
  observeDatabase,
  startServiceTracing,
  type Wiring,
} from "@granary/service-runtime";
import { createLog, createRegister, currentTrace, currentTraceId, type Log } from "@granary/telemetry";
import type { SchedulerConfig } from "../config.js";
import { createObserver, createSchedulerMetrics, type SchedulerMetrics } from "../metrics.js";
import type { CallsPort, ChainPort, MinerGate, WriterPort } from "../ports.js";
import { createAuditedOperators } from "./audited-operators.js";
import { createDatabaseReadings } from "./database-readings.js";
import { createMinerGate } from "./miner-gate.js";
import { watchPlaces } from "./miner-places.js";
import { createPrismaBudgets } from "./prisma-budgets.js";
import { createPrismaDealStore } from "./prisma-deal-store.js";
import { createPrismaMinerPool } from "./prisma-miner-pool.js";
import { createPrismaPauses } from "./prisma-pauses.js";
import { createPrismaTransactionStore } from "./prisma-transaction-store.js";
import { createProgressReadings } from "./progress-readings.js";
import { createRequestedManifests } from "./requested-manifests.js";
import { createThreadSegmentEncoder } from "./thread-segment-encoder.js";

export const SERVICE = "scheduler";

/** The chain, as far as the scheduler knows it. */
interface Chain {
  readonly reader: ChainPort;
  readonly writer: WriterPort;
  readonly calls: CallsPort;
  isConnected(): boolean;
  close(): Promise<void>;
}

/** What tests put in the place of the world outside. */
export interface Overrides {
  readonly chain?: Chain;
  readonly gate?: MinerGate;
  readonly policy?: Partial<MinerPolicy>;
}

export type Resources = Awaited<ReturnType<typeof openResources>>;

/** Opens everything that the scheduler works with, in order; `parts` is that order, for the end. */
export async function openResources(config: SchedulerConfig, overrides: Overrides) {
  const log = createLog({ service: SERVICE, level: config.LOG_LEVEL });
  const register = createRegister({ service: SERVICE, processMetrics: true });
  const wiring = createWiring(log, register);
  const { parts, started } = wiring;
  started("traces", startServiceTracing(SERVICE, config), (it) => it.stop());
  const clock = () => Date.now();
  const random = () => Math.random();
  const policy = policyOf(config, overrides.policy);
  const pool = { url: config.DATABASE_URL, poolSize: config.DATABASE_POOL };
  const database = started("database", observeDatabase(register, connectDatabase(pool)), (it) => it.$disconnect());
  const outbox = createOutbox(database, "scheduling", { currentTrace });
  const deadLetters = createDeadLetters(database, "scheduling");
  const inbox = createInbox(database, "scheduling");
  let metrics: SchedulerMetrics;
  const observer = createObserver(() => metrics);
  const places = watchPlaces(config.MINER_PLACES_FILE, (error) => log.thrown("the table of places is not read", error));
  const miners = createPrismaMinerPool({ database, clock, random, policy, places });
  const deals = createPrismaDealStore({ database, outbox, miners, clock, leaseMs: config.LEASE, observer });
  const budgets = createPrismaBudgets(database, clock);
  const audit = createAuditLog({ database, service: SERVICE, traceId: currentTraceId });
  const operators = createAuditedOperators(database, audit);
  const pauses = createPrismaPauses({ database, audit });
  const transactions = createPrismaTransactionStore({ database, clock, observer });
  const staging = await createFilesystemBlobStore({ root: config.STAGING_DIR, reserveBytes: 0 });
  const { signer, chain, gate } = await openOutside(config, overrides, { log, started });
  const encoder = started(
    "encoder threads",
    createThreadSegmentEncoder({ threads: config.ENCODE_THREADS, buffers: config.SEGMENT_BUFFERS, register }),
    (it) => it.close(),
  );
  const connection = started("nats", await connectNats({ url: config.NATS_URL, name: SERVICE }), (it) => it.close());
  const { request, part } = await connectRequester({ natsUrl: config.NATS_URL, register });
  parts.push(part);
  const queue = (name: string) =>
    started(`queue ${name}`, createJobQueue({ name, redisUrl: config.REDIS_URL, log, register }), (it) => it.close());
  const [declarations, rounds] = [queue("declare"), queue("send")];
  metrics = createSchedulerMetrics(register, {
    ...createDatabaseReadings(database, clock),
    ...createProgressReadings({ database, chain: chain.reader, account: signer.account }),
    buffersInUse: () => encoder.buffersInUse(),
  });
  const manifests = createRequestedManifests(request);
  const outside = { chain, signer, gate, staging, encoder, manifests, connection, request };
  const mailboxes = { outbox, inbox, deadLetters };
  const queues = { declarations, rounds };
  const byHand = { operators, audit, pauses };
  const inside = { database, ...mailboxes, miners, deals, budgets, ...byHand, transactions, ...queues };
  return { config, log, register, observer, ...wiring, clock, random, policy, ...outside, ...inside };
}

async function openOutside(
  config: SchedulerConfig,
  overrides: Overrides,
  { log, started }: { log: Log; started: Wiring["started"] },
) {
  const signer = await loadSigner(config.GATEWAY_MNEMONIC.reveal(), config.GATEWAY_KEY_PASSWORD?.reveal());
  const chain: Chain =
    overrides.chain ??
    started("chain", await connectChain({ urls: config.CHAIN_URL.split(","), log }), (it) => it.close());
  const allowPrivateAddresses = config.ALLOW_PRIVATE_MINERS;
  const gate: MinerGate =
    overrides.gate ??
    started("miner connections", createMinerGate({ signer, allowPrivateAddresses }), (it) => it.close());
  return { signer, chain, gate };
}

const policyOf = (config: SchedulerConfig, overrides: Partial<MinerPolicy> | undefined): MinerPolicy => ({
  ...defaultPolicy,
  cooldownBaseMs: config.COOLDOWN_BASE,
  cooldownMaxMs: config.COOLDOWN_MAX,
  ...(config.HEDGING ? {} : { hedgeShare: 0, hedgeBurst: 0 }),
  ...overrides,
});
