import { connectChain } from "@granary/chain-client";
import type { RequestHandlersFor } from "@granary/contracts";
import { connectDatabase, createOutbox, trySessionLock } from "@granary/database";
import { connectNats, createRelay, respondersFor } from "@granary/messaging";
import { CodedError } from "@granary/primitives";
import {
  createWiring,
  observeDatabase,
  type Service,
  startService,
  startServiceTracing,
} from "@granary/service-runtime";
import { createLog, createRegister, currentTrace } from "@granary/telemetry";
import { createPrismaMirrorStore } from "./adapters/prisma-mirror-store.js";
import type { IndexerConfig } from "./config.js";
import { lead } from "./flow/lead.js";
import { listHoldings } from "./flow/list-holdings.js";
import { findMiners, listMiners } from "./flow/list-miners.js";
import { type Lag, measureLag } from "./flow/measure-lag.js";
import { listTerritories, showAuthorization, showDeal, showStatus, showTerritory } from "./flow/show-chain.js";
import { createFileCache, showFile, showSegments } from "./flow/show-file.js";
import { createIndexerMetrics, observerOf } from "./metrics.js";
import type { IndexerPorts } from "./ports.js";

const NAME = "chain-indexer";
/** Names the lock of the replica that follows the chain; any number that no other lock has. */
const LEADER_LOCK = 1_147_483_001;
const RELAY_IDLE_MS = 250;
const LAG_EVERY_MS = 2_000;

/** Starts the chain-indexer. Parts are listed in the order in which they start; they stop the other way round. */
export async function createApp(config: IndexerConfig): Promise<Service> {
  const log = createLog({ service: NAME, level: config.LOG_LEVEL });
  const register = createRegister({ service: NAME, processMetrics: true });
  const { parts, started, loop, pruneMailboxes } = createWiring(log, register);
  started("traces", startServiceTracing(NAME, config), (it) => it.stop());

  const database = started(
    "database",
    observeDatabase(register, connectDatabase({ url: config.DATABASE_URL, poolSize: config.DATABASE_POOL })),
    (it) => it.$disconnect(),
  );
  const connection = started("nats", await connectNats({ url: config.NATS_URL, name: NAME }), (it) => it.close());
  const urls = config.CHAIN_URL.split(",");
  const client = started(
    "chain",
    await connectChain({
      urls,
      log,
      pollMs: config.CHAIN_POLL,
      behindMs: config.CHAIN_BEHIND,
      compareMs: config.CHAIN_COMPARE,
    }),
    (it) => it.close(),
  );
  const outbox = createOutbox(database, "chain", { currentTrace });
  const mirror = createPrismaMirrorStore({ database, outbox });
  const { reader: chain } = client;
  const now = () => performance.now();
  const lag: Lag = { finalizedBlock: 0, syncedAt: null };
  const startedAt = now();
  const metrics = createIndexerMetrics(register, {
    indexedBlock: async () => (await mirror.cursor())?.number ?? 0,
    finalizedBlock: () => lag.finalizedBlock,
    nodes: () => client.nodes(),
    lagSeconds: () => (now() - (lag.syncedAt ?? startedAt)) / 1000,
  });

  const relay = loop("relay", createRelay({ connection, outbox, log, register }).step, RELAY_IDLE_MS);
  pruneMailboxes(outbox);
  loop("measure lag", () => measureLag({ chain, mirror, now }, lag), LAG_EVERY_MS);
  const observed = observerOf(metrics);
  const ports: IndexerPorts = {
    chain,
    mirror,
    log,
    observer: {
      ...observed,
      factsAnnounced(facts) {
        observed.factsAnnounced(facts);
        if (facts.length > 0) relay.nudge();
      },
    },
  };
  const tryLock = () => trySessionLock(config.DATABASE_URL, LEADER_LOCK);
  loop(
    "follow the chain",
    (signal) => lead({ ...ports, tryLock }, { signal, rescanEveryMs: config.RESCAN_INTERVAL }),
    0,
  );

  return startService(
    {
      name: NAME,
      http: { host: config.HTTP_HOST, port: config.HTTP_PORT },
      natsUrl: config.NATS_URL,
      stopping: config,
      log,
      register,
      responders: respondersFor(NAME, requestHandlers(ports, now)),
      checks: {
        postgres: async () => void (await database.$queryRawUnsafe("SELECT 1")),
        nats: async () => connection.flush(),
        chain: async () => void (await chain.finalizedHead()),
        tables: async () => {
          if (lag.syncedAt === null) throw new CodedError("NOT_SYNCED", "unavailable", "the tables are not there yet");
        },
      },
    },
    parts,
  );
}

function requestHandlers(ports: IndexerPorts, now: () => number): RequestHandlersFor<typeof NAME> {
  const files = createFileCache(ports, now);
  return {
    chainStatus: () => showStatus(ports),
    territoryShow: (input) => showTerritory(ports, input),
    territoriesList: (input) => listTerritories(ports, input),
    authorizationShow: (input) => showAuthorization(ports, input),
    chainDealShow: (input) => showDeal(ports, input),
    chainFileShow: (input) => showFile(ports, input),
    chainFileSegments: (input) => showSegments({ files }, input),
    holdingsList: (input) => listHoldings(ports, input),
    chainMinersList: (input) => listMiners(ports, input),
    chainMinersFind: (input) => findMiners(ports, input),
  };
}
