import { createFilesystemBlobStore, removeStaleIncoming } from "@granary/blob-store";
import {
  connectDatabase,
  createAuditLog,
  createDeadLetters,
  createInbox,
  createOutbox,
  type Database,
} from "@granary/database";
import { connectNats, consumeEvents, createRelay, respondersFor } from "@granary/messaging";
import { SEGMENT_BYTES } from "@granary/primitives";
import {
  connectRequester,
  createDeadLetterDesk,
  createWiring,
  type Health,
  healthToken,
  observeDatabase,
  type Service,
  type Step,
  startService,
  startServiceTracing,
} from "@granary/service-runtime";
import { createLog, createRegister, currentTrace, currentTraceId } from "@granary/telemetry";
import { createAccess } from "./adapters/access-file.js";
import { openApiToken } from "./adapters/api-docs.controller.js";
import { createGatewayAccount } from "./adapters/gateway-account.js";
import { httpControllers } from "./adapters/http-controllers.js";
import { createNonceMemory } from "./adapters/nonce-memory.js";
import { readOpenUploads } from "./adapters/open-uploads.js";
import { createPrismaStagingClaims } from "./adapters/prisma-staging-claims.js";
import { createRetrievalClient } from "./adapters/retrieval-client.js";
import { createStagingRoom } from "./adapters/staging-room.js";
import { lettersToken, portsToken, retrievalToken } from "./adapters/tokens.js";
import { createUploadWatch } from "./adapters/upload-watch.js";
import type { GatewayConfig } from "./config.js";
import { announceAgain } from "./flow/announce-again.js";
import { findStaged } from "./flow/find-staged.js";
import { uploadFollowers } from "./flow/follow-upload.js";
import { pruneRecords } from "./flow/prune-records.js";
import { giveUpAbandoned, releaseStaged } from "./flow/release-staged.js";
import { removeStrays } from "./flow/remove-strays.js";
import { rewrapKeys } from "./flow/rewrap-keys.js";
import { createGrpcMetrics } from "./grpc/metrics.js";
import { NetworkGrpcController } from "./grpc/network.controller.js";
import { ObjectGrpcController } from "./grpc/object.controller.js";
import { OperatorGrpcController } from "./grpc/operator.controller.js";
import { grpcTransport } from "./grpc/transport.js";
import { endRequestsOnClose, prepareHttp } from "./http/prepare.js";
import type { Receiving } from "./http/receiving.js";
import { parseKeyring } from "./identity/keyring.js";
import { createStartLimiter } from "./identity/start-limiter.js";
import { createGatewayMetrics } from "./metrics.js";
import { openApiDocument } from "./openapi/index.js";
import type { Ports } from "./ports.js";

const SERVICE = "ingest-gateway";
const RELAY_IDLE_MS = 200;
const GRPC_HEALTH_EVERY_MS = 1_000;
const STRAYS_EVERY_MS = 60_000;
const ACCESS_FILE_EVERY_MS = 2_000;
const PRUNE_EVERY_MS = 3_600_000;
/** Room that a gateway which is gone had claimed is everybody's again after this. */
const CLAIMS_STALE_MS = 60_000;
/** Encoded names may take three characters for each byte; a name too long shall be told so, not be an unknown route. */
const PATH_PART_MAX = 4_096;

/** The gateway, whole: read from top to bottom it starts, and stops in the reverse order. */
export async function createApp(config: GatewayConfig): Promise<Service> {
  const log = createLog({ service: SERVICE, level: config.LOG_LEVEL });
  const register = createRegister({ service: SERVICE, processMetrics: true });
  const { parts, started, loop } = createWiring(log, register);
  started("traces", startServiceTracing(SERVICE, config), (it) => it.stop());

  const database = started(
    "database",
    observeDatabase(register, connectDatabase({ url: config.DATABASE_URL, poolSize: config.DATABASE_POOL })),
    (it) => it.$disconnect(),
  );
  const outbox = createOutbox(database, "ingest", { currentTrace });
  const deadLetters = createDeadLetters(database, "ingest");
  const audit = createAuditLog({ database, service: SERVICE, traceId: currentTraceId });
  const inbox = createInbox(database, "ingest");
  const blobs = await createFilesystemBlobStore({ root: config.STAGING_DIR, reserveBytes: config.STAGING_RESERVE });
  const metrics = createGatewayMetrics(register, {
    stagedBytes: () => stagedBytesIn(database),
    freeBytes: () => blobs.freeBytes(),
    openUploads: () => readOpenUploads(database),
  });
  const grpcMetrics = createGrpcMetrics(register);

  const nats = started("nats", await connectNats({ url: config.NATS_URL, name: SERVICE }), (it) => it.close());
  const { request, part: requesterPart } = await connectRequester({ natsUrl: config.NATS_URL, register });
  parts.push(requesterPart);
  const retrieval = started("retrieval client", createRetrievalClient(config.RETRIEVAL_URL), (it) => it.close());
  const uploadWatch = createUploadWatch({ database, log });
  parts.push(uploadWatch.part);

  const stagingRoom = createStagingRoom(
    createPrismaStagingClaims({ database, freeBytes: () => blobs.freeBytes(), staleMs: CLAIMS_STALE_MS }),
  );
  const renewClaims = async () => stagingRoom.renew().then(() => "idle" as const);
  started("staging room", null, renewClaims);
  loop("staging room", renewClaims, CLAIMS_STALE_MS / 6);

  const stopping = new AbortController();

  const access = createAccess({
    mode: config.ACCESS_MODE,
    listed: config.ACCESS_ACCOUNTS,
    always: config.ACCESS_ALWAYS,
    file: config.ACCESS_FILE,
    log,
  });
  const ports: Ports & { receiving: Receiving } = {
    config,
    database,
    outbox,
    audit,
    blobs,
    request,
    gatewayAccount: createGatewayAccount(request, config.GATEWAY_CACHE),
    checkAccess: access.check,
    rememberNonce: createNonceMemory(database),
    keyring: parseKeyring(config.KEY_ENCRYPTION_KEYS?.reveal() ?? ""),
    limitStarts: createStartLimiter({ perSecond: config.UPLOAD_STARTS_RATE, burst: config.UPLOAD_STARTS_BURST }),
    uploadWatch,
    stagingRoom,
    metrics,
    log,
    now: () => new Date(),
    stopping: stopping.signal,
    receiving: { all: 0, ciphers: 0 },
  };

  loop("relay", createRelay({ connection: nats, outbox, log, register }).step, RELAY_IDLE_MS);
  const handlers = uploadFollowers(ports);
  const letters = createDeadLetterDesk({ deadLetters, handlers, audit });
  started(
    "event consumer",
    consumeEvents({
      connection: nats,
      service: SERVICE,
      inbox,
      handlers,
      deadLetters,
      log,
      register,
      observe: () => uploadWatch.nudge(),
    }),
    (it) => it.close(),
  );

  const strays = new Map();
  const sweeps: [string, Step, number][] = [
    ["announce again", () => announceAgain(ports), config.SWEEP_EVERY],
    ["release staged", () => releaseStaged(ports), config.SWEEP_EVERY],
    ["give up abandoned", () => giveUpAbandoned(ports), config.SWEEP_EVERY],
    ["remove strays", () => removeStrays(ports, strays), Math.min(STRAYS_EVERY_MS, config.STRAY_AFTER)],
    ["remove stale parts", () => removeStaleParts(config), Math.min(STRAYS_EVERY_MS, config.STRAY_AFTER)],
    ["read the access list", access.reload, ACCESS_FILE_EVERY_MS],
    ["rewrap keys", () => rewrapKeys(ports), PRUNE_EVERY_MS],
    ["prune records", () => pruneRecords(ports, inbox), PRUNE_EVERY_MS],
  ];
  for (const [name, step, idleMs] of sweeps) loop(name, step, idleMs);

  return startService(
    {
      name: SERVICE,
      http: { host: config.HTTP_HOST, port: config.HTTP_PORT },
      natsUrl: config.NATS_URL,
      stopping: config,
      log,
      register,
      controllers: [...httpControllers, ObjectGrpcController, NetworkGrpcController, OperatorGrpcController],
      providers: [
        portsToken.provide(ports),
        retrievalToken.provide(retrieval),
        lettersToken.provide(letters),
        openApiToken.provide(JSON.stringify(openApiDocument())),
      ],
      responders: respondersFor(SERVICE, { stagedObjectFind: (input) => findStaged(ports, input) }),
      checks: {
        database: async () => void (await database.$queryRaw`SELECT 1`),
        nats: () => nats.flush(),
      },
      fastify: { routerOptions: { maxParamLength: PATH_PART_MAX } },
      prepare: (app) => {
        const server = app.getHttpAdapter().getInstance();
        prepareHttp(server);
        endRequestsOnClose(server, stopping, config.STOP_GRACE);
        if (config.GRPC_PORT === undefined) return;
        const { GRPC_PORT: port } = config;
        const health = app.get<Health>(healthToken.symbol);
        const grpc = grpcTransport({ config, port, metrics: grpcMetrics, health, stopping: stopping.signal });
        app.connectMicroservice(grpc.transport);
        loop("grpc health", grpc.followHealth, GRPC_HEALTH_EVERY_MS);
      },
    },
    parts,
  );
}

/** An encrypted part is written a segment at a time, which takes the slowest client that is bearable this long. */
async function removeStaleParts(config: GatewayConfig): Promise<"idle"> {
  const segmentMs = (SEGMENT_BYTES / config.BODY_RATE_MIN) * 1000;
  const before = new Date(Date.now() - Math.max(config.STRAY_AFTER, segmentMs));
  await removeStaleIncoming(config.STAGING_DIR, before);
  return "idle";
}

async function stagedBytesIn(database: Database): Promise<number> {
  const { _sum } = await database.upload.aggregate({
    where: { releasedAt: null, state: { not: "receiving" } },
    _sum: { stagedBytes: true },
  });
  return Number(_sum.stagedBytes ?? 0n);
}
