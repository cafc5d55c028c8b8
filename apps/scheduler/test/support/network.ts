import { randomBytes, randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { type BlobStore, createFilesystemBlobStore } from "@granary/blob-store";
import { accountOf, loadSigner } from "@granary/chain-client";
import { events, type InputOf, type MessageOf, type OutputOf, type RequestName, requests } from "@granary/contracts";
import { connectDatabase, type Database, migrate } from "@granary/database";
import { fidOf, type SegmentManifest } from "@granary/domain/object";
import { createCodec, hashSegment } from "@granary/erasure";
import { connectNats, type Requester } from "@granary/messaging";
import { type AccountId, type Fid, SEGMENT_BYTES, type UploadId } from "@granary/primitives";
import { connectRequester, type Service } from "@granary/service-runtime";
import { createRegister } from "@granary/telemetry";
import { poll, type Server, startNats, startPostgres, startRedis, temporaryFolder } from "@granary/testnet";
import { createApp, type Overrides, readSchedulerConfig } from "../../src/index.js";
import { FakeChain } from "./fake-chain.js";
import { FakeMiners } from "./fake-miners.js";

/** An upload that the preprocessor would have encoded. */
export interface Upload {
  readonly uploadId: UploadId;
  readonly fid: Fid;
  readonly account: AccountId;
  readonly sizeBytes: number;
  readonly segments: readonly SegmentManifest[];
}

export interface Network {
  readonly chain: FakeChain;
  readonly miners: FakeMiners;
  readonly database: Database;
  readonly staging: BlobStore;
  readonly servers: { readonly postgres: Server; readonly nats: Server; readonly redis: Server };
  readonly gateway: AccountId;
  readonly account: AccountId;
  readonly other: AccountId;
  readonly request: Requester;
  /** Standings that were announced, by upload, in order. */
  readonly told: Map<UploadId, MessageOf<"dealAdvanced">[]>;
  /** Whether the indexer's facts reach the scheduler. */
  indexer: { speaks: boolean };
  stage(sizeBytes: number, account?: AccountId, content?: Uint8Array): Promise<Upload>;
  announce(upload: Upload, more?: Partial<MessageOf<"objectEncoded">>): Promise<void>;
  publish<K extends keyof typeof events>(name: K, message: MessageOf<K>): Promise<void>;
  start(more?: Record<string, string>, overrides?: Overrides): Promise<Service>;
  show(upload: Upload): Promise<NonNullable<OutputOf<"dealShow">["deal"]>>;
  standing(upload: Upload): MessageOf<"dealAdvanced"> | undefined;
  reaches(upload: Upload, state: string, timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

export async function startNetwork(minerCount = 16): Promise<Network> {
  const folder = await temporaryFolder("scheduler");
  const [postgres, nats, redis] = await Promise.all([
    startPostgres({ dataDir: `${folder}/postgres`, durable: false }),
    startNats({ dataDir: `${folder}/nats`, durable: false }),
    startRedis({ dataDir: `${folder}/redis`, durable: false }),
  ]);
  await migrate(postgres.url);
  const database = connectDatabase({ url: postgres.url, poolSize: 4 });
  const staging = await createFilesystemBlobStore({ root: `${folder}/staging`, reserveBytes: 0 });
  const codec = await createCodec();
  const connection = await connectNats({ url: nats.url, name: "others" });
  const requester = await connectRequester({
    natsUrl: nats.url,
    register: createRegister({ service: "test", processMetrics: false }),
  });
  const gateway = (await loadSigner("//Gateway")).account;
  const account = accountOf(new Uint8Array(32).fill(200));
  const other = accountOf(new Uint8Array(32).fill(201));

  const chain = new FakeChain();
  for (const owner of [account, other]) {
    chain.buyTerritory(owner, "home");
    chain.authorize(owner, gateway);
  }
  const miners = new FakeMiners(chain, minerCount);
  const uploads = new Map<string, Upload>();
  const answers: Partial<Record<RequestName, (input: never) => unknown>> = {
    manifestSegments: ({ uploadId, from, count }: InputOf<"manifestSegments">) => {
      const segments = uploads.get(uploadId)?.segments ?? [];
      const page = segments.slice(from, from + count);
      return {
        segments: page.map(({ hash, fragments }, i) => ({ index: from + i, hash, fragments })),
        segmentCount: segments.length,
      };
    },
    chainMinersList: () => ({ miners: miners.onChain(), next: null }),
  };
  for (const [name, answer] of Object.entries(answers)) {
    connection.subscribe(requests[name as RequestName].subject, {
      callback: (_error, message) => {
        const { data, id } = message.json() as { data: never; id: string };
        message.respond(JSON.stringify({ response: { ok: true, data: answer(data) }, isDisposed: true, id }));
      },
    });
  }
  const told = new Map<UploadId, MessageOf<"dealAdvanced">[]>();
  connection.subscribe(events.dealAdvanced.subject, {
    callback: (_error, message) => {
      const standing = message.json() as MessageOf<"dealAdvanced">;
      told.set(standing.uploadId, [...(told.get(standing.uploadId) ?? []), standing]);
    },
  });
  // The stream answers a publisher that asks for it.
  const publish: Network["publish"] = async (name, message) => {
    await connection.request(events[name].subject, JSON.stringify(message), { timeout: 60_000 });
  };
  const indexer = { speaks: true };
  chain.onFact = (fact) => {
    if (!indexer.speaks) return;
    const { kind, ...message } = fact;
    const said =
      kind === "reported" ? publish("columnReported", message as never) : publish("fileActivated", message as never);
    said.catch(() => undefined);
  };

  const network: Network = {
    chain,
    miners,
    database,
    staging,
    servers: { postgres, nats, redis },
    gateway,
    account,
    other,
    request: requester.request,
    told,
    indexer,
    publish,
    async stage(sizeBytes, owner = account, content = randomBytes(sizeBytes)) {
      const uploadId = randomUUID() as UploadId;
      await staging.writePart({ uploadId, index: 0, body: once(content), maxBytes: sizeBytes });
      const segments: SegmentManifest[] = [];
      for (let at = 0; at < sizeBytes; at += SEGMENT_BYTES) {
        const segment = new Uint8Array(SEGMENT_BYTES);
        segment.set(content.subarray(at, at + SEGMENT_BYTES));
        const { segmentHash, fragmentHashes } = hashSegment(segment, codec);
        segments.push({ hash: segmentHash, fragments: fragmentHashes });
      }
      const upload = { uploadId, fid: fidOf(segments.map(({ hash }) => hash)), account: owner, sizeBytes, segments };
      uploads.set(uploadId, upload);
      return upload;
    },
    async announce({ uploadId, fid, account: owner, sizeBytes, segments }, more = {}) {
      await publish("objectEncoded", {
        uploadId,
        fid,
        account: owner,
        territory: "home",
        name: "file.bin",
        sizeBytes,
        stagedBytes: sizeBytes,
        segmentCount: segments.length,
        placement: null,
        ...more,
      });
    },
    async start(more = {}, overrides = {}) {
      const app = await createApp(
        readSchedulerConfig({
          DATABASE_URL: postgres.url,
          NATS_URL: nats.url,
          REDIS_URL: redis.url,
          CHAIN_URL: "ws://127.0.0.1:1",
          STAGING_DIR: `${folder}/staging`,
          GATEWAY_MNEMONIC: "//Gateway",
          ALLOW_PRIVATE_MINERS: "true",
          HTTP_PORT: "0",
          LOG_LEVEL: process.env.TEST_LOG ?? "silent",
          SWEEP_INTERVAL: "100ms",
          LEASE: "8s",
          REPORT_DEADLINE_BASE: "60s",
          ...more,
        }),
        { chain, gate: miners, ...overrides },
      );
      // The stream of facts is there, and miners are known.
      if (!(await poll(async () => (await database.minerRecord.count()) >= minerCount, 120_000))) {
        throw new Error("the scheduler did not learn of the miners");
      }
      return app;
    },
    async show({ uploadId }) {
      const { deal } = await requester.request("dealShow", { uploadId });
      if (deal === null) throw new Error("no deal");
      return deal;
    },
    standing: ({ uploadId }) =>
      told.get(uploadId)?.reduce((newest, one) => (one.revision >= newest.revision ? one : newest)),
    async reaches(upload, state, timeoutMs = 120_000) {
      const isThere = () => network.standing(upload)?.state === state;
      if (await poll(isThere, timeoutMs)) return;
      const row = await database.deal.findUnique({ where: { uploadId: upload.uploadId }, include: { columns: true } });
      const attempts = await database.placementAttempt.findMany({ where: { uploadId: upload.uploadId } });
      const text = JSON.stringify({ row, attempts }, (_, value) => (typeof value === "bigint" ? Number(value) : value));
      throw new Error(`the deal is not ${state} in time: ${text}`);
    },
    async stop() {
      chain.stop();
      await requester.part.stop();
      await connection.close();
      await database.$disconnect();
      for (const server of [postgres, nats, redis]) await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return network;
}
