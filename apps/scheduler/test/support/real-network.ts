import { randomBytes, randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { createFilesystemBlobStore } from "@granary/blob-store";
import { type ChainClient, connectChain, loadSigner, type Signer } from "@granary/chain-client";
import { events, type InputOf, type MessageOf, type RequestName, requests } from "@granary/contracts";
import { connectDatabase, type Database, migrate } from "@granary/database";
import { fidOf, type SegmentManifest } from "@granary/domain/object";
import { createCodec, hashSegment } from "@granary/erasure";
import { connectNats } from "@granary/messaging";
import { type Fid, SEGMENT_BYTES, type UploadId } from "@granary/primitives";
import { silentLog } from "@granary/telemetry";
import {
  freePort,
  type NodeProcess,
  startNats,
  startNodeProcess,
  startPostgres,
  startRedis,
  superviseNodeProcess,
  temporaryFolder,
} from "@granary/testnet";

const scriptOf = (app: string): string => fileURLToPath(new URL(`../../../${app}/dist/main.js`, import.meta.url));

export interface RealNetwork {
  readonly chain: ChainClient;
  readonly owner: Signer;
  /** The first of the replicas. */
  readonly scheduler: NodeProcess;
  readonly schedulers: readonly NodeProcess[];
  readonly database: Database;
  /** Stages random bytes, and says that they are encoded. */
  upload(sizeBytes: number): Promise<{ readonly uploadId: UploadId; readonly fid: Fid }>;
  stop(): Promise<void>;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/**
 * The scheduler as a process that can be killed, on the development chain with sixteen real storage miners. Preprocessor
 * and indexer are played here; the indexer says nothing but who the miners are.
 */
export async function startRealNetwork(replicas = 1): Promise<RealNetwork> {
  const dir = await temporaryFolder("scheduler-real");
  const [postgres, nats, redis] = await Promise.all([
    startPostgres({ dataDir: `${dir}/postgres`, durable: false }),
    startNats({ dataDir: `${dir}/nats`, durable: false }),
    startRedis({ dataDir: `${dir}/redis`, durable: false }),
  ]);
  await migrate(postgres.url);
  const chainPort = await freePort();
  const chainUrl = `ws://127.0.0.1:${chainPort}`;
  const devChain = await startNodeProcess({
    name: "dev-chain",
    script: scriptOf("dev-chain"),
    readyPath: "/health",
    dir,
    port: chainPort,
    env: {
      DEV_CHAIN_PORT: String(chainPort),
      DEV_CHAIN_DATA_DIR: `${dir}/chain`,
      DEV_CHAIN_BLOCK_MS: "300",
      DEV_CHAIN_ENDOWED: "//Gateway",
    },
  });
  const minersPort = await freePort();
  const ports: number[] = [];
  while (ports.length < 16) ports.push(await freePort());
  const miners = await startNodeProcess({
    name: "storage-miners",
    script: scriptOf("storage-miner"),
    dir,
    port: minersPort,
    readyTimeoutMs: 180_000,
    env: {
      CHAIN_URL: chainUrl,
      MINER_PORTS: ports.join(","),
      MINER_ADMIN_PORT: String(minersPort),
      MINER_DATA_DIR: `${dir}/miners`,
      MINER_FUNDING_URI: "//Alice",
    },
  });
  const chain = await connectChain({ urls: [chainUrl], log: silentLog });
  const owner = await loadSigner("//Bob");
  const gateway = await loadSigner("//Gateway");
  const { calls, writer } = chain;
  await writer.signAndFinalize(
    owner,
    calls.batch([calls.mintTerritory("home", 10, 30), calls.authorize(gateway.account)]),
  );
  const database = connectDatabase({ url: postgres.url, poolSize: 3 });
  const connection = await connectNats({ url: nats.url, name: "others" });
  const manifests = new Map<string, readonly SegmentManifest[]>();
  const answers: Partial<Record<RequestName, (input: never) => unknown>> = {
    manifestSegments: ({ uploadId, from, count }: InputOf<"manifestSegments">) => {
      const segments = manifests.get(uploadId) ?? [];
      const page = segments.slice(from, from + count).map((segment, i) => ({ index: from + i, ...segment }));
      return { segments: page, segmentCount: segments.length };
    },
    chainMinersList: async () => {
      const all: unknown[] = [];
      for await (const page of chain.reader.miners()) {
        for (const { beneficiary, collateral, debt, ...miner } of page) all.push({ ...miner, updatedBlock: 1 });
      }
      return { miners: all, next: null };
    },
  };
  for (const [name, answer] of Object.entries(answers)) {
    connection.subscribe(requests[name as RequestName].subject, {
      callback: (_error, message) => {
        const { data, id } = message.json() as { data: never; id: string };
        const respond = (response: unknown) => message.respond(JSON.stringify({ response, isDisposed: true, id }));
        void Promise.resolve(answer(data)).then((found) => respond({ ok: true, data: found }));
      },
    });
  }
  const staging = await createFilesystemBlobStore({ root: `${dir}/staging`, reserveBytes: 0 });
  const codec = await createCodec();
  const schedulers: NodeProcess[] = [];
  for (let replica = 1; replica <= replicas; replica += 1) {
    const port = await freePort();
    schedulers.push(
      superviseNodeProcess({
        name: `scheduler-${replica}`,
        script: scriptOf("scheduler"),
        dir,
        port,
        env: {
          DATABASE_URL: postgres.url,
          NATS_URL: nats.url,
          REDIS_URL: redis.url,
          CHAIN_URL: chainUrl,
          STAGING_DIR: `${dir}/staging`,
          GATEWAY_MNEMONIC: "//Gateway",
          ALLOW_PRIVATE_MINERS: "true",
          HTTP_PORT: String(port),
          SWEEP_INTERVAL: "200ms",
          REVIEW_INTERVAL: "1s",
          LEASE: replicas === 1 ? "3s" : "8s",
          // One sender at a time for each column, whatever is late.
          HEDGING: replicas === 1 ? "true" : "false",
          // Room for the replicas on one machine.
          SEGMENT_BUFFERS: replicas === 1 ? "3" : "2",
          SEND_CONCURRENCY: replicas === 1 ? "2" : "1",
        },
      }),
    );
  }
  const [scheduler] = schedulers as [NodeProcess];
  return {
    chain,
    owner,
    scheduler,
    schedulers,
    database,
    async upload(sizeBytes) {
      const uploadId = randomUUID() as UploadId;
      const content = randomBytes(sizeBytes);
      await staging.writePart({ uploadId, index: 0, body: once(content), maxBytes: sizeBytes });
      const segments: SegmentManifest[] = [];
      for (let at = 0; at < sizeBytes; at += SEGMENT_BYTES) {
        const segment = new Uint8Array(SEGMENT_BYTES);
        segment.set(content.subarray(at, at + SEGMENT_BYTES));
        const { segmentHash, fragmentHashes } = hashSegment(segment, codec);
        segments.push({ hash: segmentHash, fragments: fragmentHashes });
      }
      manifests.set(uploadId, segments);
      const fid = fidOf(segments.map(({ hash }) => hash));
      const message: MessageOf<"objectEncoded"> = {
        uploadId,
        fid,
        account: owner.account,
        territory: "home",
        name: "file.bin",
        sizeBytes,
        stagedBytes: sizeBytes,
        segmentCount: segments.length,
        placement: null,
      };
      await connection.request(events.objectEncoded.subject, JSON.stringify(message), { timeout: 30_000 });
      return { uploadId, fid };
    },
    async stop() {
      await Promise.all(schedulers.map((one) => one.kill9()));
      await chain.close();
      await connection.close();
      await database.$disconnect();
      await miners.stop();
      await devChain.stop();
      for (const server of [postgres, nats, redis]) await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
