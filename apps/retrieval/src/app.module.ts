import { createFilesystemBlobStore } from "@granary/blob-store";
import { loadSigner, signMessage } from "@granary/chain-client";
import { connectDatabase, createOutbox } from "@granary/database";
import { createSegmentMemory } from "@granary/erasure";
import { connectNats, createRelay } from "@granary/messaging";
import { createMinerClient } from "@granary/miner-client";
import type { SegmentHash } from "@granary/primitives";
import {
  connectRequester,
  createWiring,
  observeDatabase,
  type Service,
  startService,
  startServiceTracing,
} from "@granary/service-runtime";
import { createLog, createRegister, currentTrace } from "@granary/telemetry";
import { createCostMemory } from "./adapters/cost-memory.js";
import { createDiskCache } from "./adapters/disk-cache.js";
import { createHedgeBudget } from "./adapters/hedge-budget.js";
import { createMinerCosts } from "./adapters/miner-costs.js";
import { createMinerFragments } from "./adapters/miner-fragments.js";
import { createNatsDirectory } from "./adapters/nats-directory.js";
import { ObjectController, objectPorts } from "./adapters/object.controller.js";
import { createPrismaEvidence } from "./adapters/prisma-evidence.js";
import { createSegmentBuffers } from "./adapters/segment-buffers.js";
import { createSharedSegments } from "./adapters/shared-segments.js";
import { createThreadRebuilder } from "./adapters/thread-rebuilder.js";
import type { RetrievalConfig } from "./config.js";
import { findObject } from "./flow/find-object.js";
import { type LoadPorts, loadSegment, type SliceDigests } from "./flow/load-segment.js";
import { createRetrievalMetrics, fragmentCodeOf } from "./metrics.js";
import type { HedgeReason } from "./ports.js";

const NAME = "retrieval";
const RELAY_IDLE_MS = 1_000;
const KEEP_COSTS_EVERY_MS = 30_000;
/** Segments whose slices can be checked without reading them whole: 4 KiB each. */
const DIGESTS_KEPT = 4_096;

/** Starts retrieval. Parts are listed in the order in which they start; they stop the other way round. */
export async function createApp(config: RetrievalConfig): Promise<Service> {
  const log = createLog({ service: NAME, level: config.LOG_LEVEL });
  const register = createRegister({ service: NAME, processMetrics: true });
  const { parts, started, loop, pruneMailboxes } = createWiring(log, register);
  started("traces", startServiceTracing(NAME, config), (it) => it.stop());

  const database = started(
    "database",
    observeDatabase(register, connectDatabase({ url: config.DATABASE_URL, poolSize: config.DATABASE_POOL })),
    (it) => it.$disconnect(),
  );
  const outbox = createOutbox(database, "retrieval", { currentTrace });
  const connection = started("nats", await connectNats({ url: config.NATS_URL, name: NAME }), (it) => it.close());
  const requester = await connectRequester({ natsUrl: config.NATS_URL, register });
  parts.push(requester.part);
  const directory = createNatsDirectory(requester.request);
  const cache = await createDiskCache({
    folder: config.CACHE_DIR,
    bytesMax: config.CACHE_BYTES,
    log,
    looked: (outcome) => metrics.cacheLookups.add({ outcome }),
  });
  const memory = createSegmentMemory(config.READ_BUFFERS, "fragments", "when used");
  const buffers = createSegmentBuffers({ memory, onStarving: () => segments.yieldMemory() });
  const metrics = createRetrievalMetrics(register, {
    cacheBytes: () => cache.bytes(),
    buffersFree: () => buffers.free(),
  });
  const fragments = createMinerFragments(started("miner client", await connectMiners(config), (it) => it.close()));
  const rebuilder = started(
    "rebuilding threads",
    createThreadRebuilder({
      threads: config.REBUILD_THREADS,
      register,
      segments: memory,
      mayBeNative: config.NATIVE_CODE,
    }),
    (it) => it.close(),
  );

  const relay = loop("relay", createRelay({ connection, outbox, log, register }).step, RELAY_IDLE_MS);
  pruneMailboxes(outbox);

  const costMemory = createCostMemory({ folder: config.CACHE_DIR, log });
  const costs = createMinerCosts({ hedgeAfterMs: config.HEDGE_AFTER, remembered: await costMemory.load() });
  const keepCosts = async () => costMemory.save(costs.snapshot()).then(() => "idle" as const);
  started("what is known of miners", null, keepCosts);
  loop("keep what is known of miners", keepCosts, KEEP_COSTS_EVERY_MS);

  const gatherPorts = {
    directory,
    fragments,
    costs,
    hedgeBudget: createHedgeBudget(config.HEDGE_SHARE_MAX),
    recordCorrupt: createPrismaEvidence({
      database,
      outbox,
      log,
      recorded: () => {
        metrics.evidence.add({});
        relay.nudge();
      },
    }),
    observer: {
      fetched: (outcome: "ok" | { code: string }) =>
        metrics.fragments.add({ code: outcome === "ok" ? "ok" : fragmentCodeOf(outcome.code) }),
      hedged: (reason: HedgeReason) => metrics.hedges.add({ reason }),
    },
  };
  const loadPorts: LoadPorts = {
    ...gatherPorts,
    cache,
    staging: await createFilesystemBlobStore({ root: config.STAGING_DIR, reserveBytes: 0 }),
    rebuilder,
    takeBuffer: (signal) => buffers.take(signal),
    known: createDigestMemory(),
    log,
  };
  const segments = createSharedSegments({
    load: async (object, index, signal) => {
      const loaded = await loadSegment(loadPorts, object, index, signal);
      metrics.segments.add({ source: loaded.source });
      return loaded;
    },
    findAgain: (fid) => {
      directory.forget(fid);
      return findObject(directory, fid);
    },
    cache,
    isCrowded: () => buffers.free() === 0,
  });

  return startService(
    {
      name: NAME,
      http: { host: config.HTTP_HOST, port: config.HTTP_PORT },
      natsUrl: config.NATS_URL,
      stopping: config,
      log,
      register,
      controllers: [ObjectController],
      providers: [
        objectPorts.provide({
          ...gatherPorts,
          segments,
          encodeRow: (segment, row) => rebuilder.encodeRow(segment, row),
          inTurn: createTurns(),
          metrics,
        }),
      ],
      fastify: { exposeHeadRoutes: false },
      checks: {
        postgres: async () => void (await database.$queryRawUnsafe("SELECT 1")),
        nats: async () => connection.flush(),
      },
    },
    parts,
  );
}

async function connectMiners(config: RetrievalConfig) {
  const signer = await loadSigner(config.GATEWAY_MNEMONIC.reveal());
  return createMinerClient({
    signer: { account: signer.account, sign: (message) => signMessage(signer, message) },
    allowPrivateAddresses: config.ALLOW_PRIVATE_MINERS,
  });
}

/** Least recently used go first. */
function createDigestMemory(): LoadPorts["known"] {
  const known = new Map<SegmentHash, SliceDigests>();
  const set = (hash: SegmentHash, slices: SliceDigests) => {
    known.delete(hash);
    known.set(hash, slices);
    if (known.size > DIGESTS_KEPT) known.delete(known.keys().next().value as SegmentHash);
  };
  return {
    set,
    get(hash) {
      const slices = known.get(hash);
      if (slices !== undefined) set(hash, slices);
      return slices;
    },
  };
}

function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
}
