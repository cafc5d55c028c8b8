import { randomUUID } from "node:crypto";
import { rm, truncate } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type BlobStore, createFilesystemBlobStore } from "@granary/blob-store";
import { events, type MessageOf } from "@granary/contracts";
import { connectDatabase, createOutbox, type Database, migrate } from "@granary/database";
import { connectNats, createRelay, type Requester } from "@granary/messaging";
import { MiB, type UploadId } from "@granary/primitives";
import { connectRequester, type Service } from "@granary/service-runtime";
import { createRegister, silentLog } from "@granary/telemetry";
import {
  freePort,
  poll,
  type Server,
  startNats,
  startNodeProcess,
  startPostgres,
  startRedis,
  temporaryFolder,
} from "@granary/testnet";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createApp, readPreprocessorConfig } from "../src/index.js";
import { goldenCase, goldenCases, stageG2 } from "./staged-g2.js";

const account = "cXgaee2N8E77JJv9gdsGAckv1Qsf3hqWYf7NL4q6ZuQzuAUtB" as MessageOf<"uploadReceived">["account"];
const WAIT_MS = 120_000;

const register = createRegister({ service: "test", processMetrics: false });
let folder: string;
let servers: { postgres: Server; nats: Server; redis: Server };
let database: Database;
let staging: BlobStore;
let request: Requester;
const cleanup: (() => Promise<unknown>)[] = [];
/** What the preprocessor announced, by upload. */
const heard: { subject: string; message: { uploadId: string; fid?: string; failure?: { code: string } } }[] = [];

beforeAll(async () => {
  folder = await temporaryFolder("preprocessor");
  const [postgres, nats, redis] = await Promise.all([
    startPostgres({ dataDir: `${folder}/postgres`, durable: false }),
    startNats({ dataDir: `${folder}/nats`, durable: false }),
    startRedis({ dataDir: `${folder}/redis`, durable: false }),
  ]);
  servers = { postgres, nats, redis };
  await migrate(postgres.url);
  database = connectDatabase({ url: postgres.url, poolSize: 5 });
  staging = await createFilesystemBlobStore({ root: `${folder}/staging`, reserveBytes: 0 });
  const requester = await connectRequester({ natsUrl: nats.url, register });
  request = requester.request;
  const connection = await connectNats({ url: nats.url, name: "test" });
  for (const { subject } of [events.objectEncoded, events.encodingFailed]) {
    connection.subscribe(subject, { callback: (_, message) => void heard.push({ subject, message: message.json() }) });
  }
  const outbox = createOutbox(database, "ingest");
  const relay = createRelay({ connection, outbox, log: silentLog, register });
  announce = async (message) => {
    await database.$transaction((tx) => outbox.add(tx, events.uploadReceived.subject, message));
    await relay.step();
  };
  cleanup.push(
    () => requester.part.stop(),
    () => connection.close(),
    () => database.$disconnect(),
    ...[postgres, nats, redis].map((server) => () => server.stop()),
    () => rm(folder, { recursive: true, force: true }),
  );
});

afterAll(async () => {
  for (const clean of cleanup) await clean();
});

let announce: (message: MessageOf<"uploadReceived">) => Promise<void>;

const environment = (more: Record<string, string> = {}) => ({
  DATABASE_URL: servers.postgres.url,
  NATS_URL: servers.nats.url,
  REDIS_URL: servers.redis.url,
  STAGING_DIR: `${folder}/staging`,
  HTTP_PORT: "0",
  LOG_LEVEL: "silent",
  SWEEP_INTERVAL: "200ms",
  ENCODE_LEASE: "2s",
  ENCODE_THREADS: "1",
  ...more,
});

async function withApp<T>(work: (app: Service) => Promise<T>, more?: Record<string, string>): Promise<T> {
  const app = await createApp(readPreprocessorConfig(environment(more)));
  try {
    return await work(app);
  } finally {
    await app.stop();
  }
}

function received(uploadId: UploadId, sizeBytes: number): MessageOf<"uploadReceived"> {
  return { uploadId, account, territory: "t", name: "file", sizeBytes, stagedBytes: sizeBytes, placement: null };
}

async function stage(sizeBytes: number): Promise<UploadId> {
  const uploadId = randomUUID() as UploadId;
  await stageG2(staging, uploadId, sizeBytes);
  return uploadId;
}

const endsOf = (uploadId: string) => heard.filter(({ message }) => message.uploadId === uploadId);
const ended = (uploadId: string, times = 1) => poll(() => endsOf(uploadId).length >= times, WAIT_MS);

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split("\n").filter((one) => one.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

describe("the preprocessor", () => {
  it("encodes staged bytes to the hashes and FIDs of the golden vectors", async () => {
    await withApp(async () => {
      for (const golden of goldenCases.filter(({ name }) => name !== "160MiB")) {
        const uploadId = await stage(golden.sizeBytes);
        await announce(received(uploadId, golden.sizeBytes));
        expect(await ended(uploadId)).toBe(true);
        expect(endsOf(uploadId)[0]?.message).toMatchObject({ fid: golden.fid, segmentCount: golden.segments.length });
        const page = await request("manifestSegments", { uploadId, from: 0, count: 256 });
        expect(page.segmentCount).toBe(golden.segments.length);
        expect(page.segments).toEqual(golden.segments.map((segment, index) => ({ index, ...segment })));
        const last = golden.segments.length - 1;
        const end = await request("manifestSegments", { uploadId, from: last, count: 256 });
        expect(end.segments).toEqual(page.segments.slice(last));
      }
    });
  });

  it("announces an end again when it hears of the upload again", async () => {
    await withApp(async () => {
      const golden = goldenCase("1B");
      const uploadId = await stage(golden.sizeBytes);
      await announce(received(uploadId, golden.sizeBytes));
      expect(await ended(uploadId)).toBe(true);
      await announce(received(uploadId, golden.sizeBytes));
      expect(await ended(uploadId, 2)).toBe(true);
      expect(endsOf(uploadId).map(({ message }) => message.fid)).toEqual([golden.fid, golden.fid]);
    });
  });

  it("fails an upload whose bytes are absent, or fewer than were acknowledged, and says so again when asked", async () => {
    await withApp(async () => {
      const absent = randomUUID() as UploadId;
      await announce(received(absent, MiB));
      const short = await stage(2 * MiB);
      await truncate(path.join(folder, "staging", "uploads", short, "0".repeat(16)), MiB);
      await announce(received(short, 2 * MiB));
      expect(await ended(absent)).toBe(true);
      expect(await ended(short)).toBe(true);
      await announce(received(absent, MiB));
      expect(await ended(absent, 2)).toBe(true);
      expect(endsOf(absent).map(({ message }) => message.failure?.code)).toEqual(Array(2).fill("STAGED_OBJECT_ABSENT"));
      expect(endsOf(short)[0]?.message.failure?.code).toBe("STAGED_OBJECT_TRUNCATED");
      await expect(request("manifestSegments", { uploadId: absent, from: 0, count: 1 })).rejects.toMatchObject({
        code: "ENCODING_UNFINISHED",
      });
    });
  });

  it("continues behind the last encoded segment after a kill", async () => {
    const golden = goldenCase("160MiB");
    const uploadId = await stage(golden.sizeBytes);
    const port = await freePort();
    const script = fileURLToPath(new URL("../dist/main.js", import.meta.url));
    const env = environment({ HTTP_PORT: String(port), SEGMENT_BUFFERS: "1", ENCODE_LEASE: "1s" });
    const child = await startNodeProcess({ name: "preprocessor", script, env, dir: folder, port });
    await announce(received(uploadId, golden.sizeBytes));
    const count = () => database.manifestSegment.count({ where: { uploadId } });
    expect(await poll(async () => (await count()) > 0, WAIT_MS, 2)).toBe(true);
    await child.kill9();
    const before = await count();
    expect(before).toBeLessThan(golden.segments.length);
    await withApp(async ({ url }) => {
      expect(await ended(uploadId)).toBe(true);
      expect(endsOf(uploadId)[0]?.message.fid).toBe(golden.fid);
      expect(await metric(url, "granary_preprocessor_segments_total")).toBe(golden.segments.length - before);
    });
  });

  it("leaves hashing to node:crypto where native code is switched off, with the same result", async () => {
    const golden = goldenCase("32MiB+1");
    const uploadId = await stage(golden.sizeBytes);
    await withApp(
      async ({ url }) => {
        await announce(received(uploadId, golden.sizeBytes));
        expect(await ended(uploadId)).toBe(true);
        expect(endsOf(uploadId)[0]?.message.fid).toBe(golden.fid);
        const text = await (await fetch(`${url}/metrics`)).text();
        const counts = text.split("\n").filter((line) => line.startsWith("granary_preprocessor_segments_total{"));
        const counted = counts.filter((line) => !line.endsWith(" 0"));
        expect(counted).toEqual([expect.stringMatching(/engine="simd".* 2$/)]);
      },
      { NATIVE_CODE: "false" },
    );
  });

  it("encodes everything though Redis is wiped in the middle", async () => {
    const golden = goldenCase("32MiB+1");
    const uploads = await Promise.all(Array.from({ length: 4 }, () => stage(golden.sizeBytes)));
    await withApp(
      async () => {
        for (const uploadId of uploads) await announce(received(uploadId, golden.sizeBytes));
        const started = { uploadId: { in: uploads } };
        expect(await poll(async () => (await database.manifestSegment.count({ where: started })) > 0, WAIT_MS)).toBe(
          true,
        );
        await servers.redis.wipe();
        for (const uploadId of uploads) expect(await ended(uploadId)).toBe(true);
        for (const uploadId of uploads) expect(endsOf(uploadId)[0]?.message.fid).toBe(golden.fid);
      },
      { ENCODE_JOBS: "1" },
    );
  });

  it("shares the work among replicas: no upload is encoded twice", async () => {
    const golden = goldenCase("8MiB+1");
    const uploads = await Promise.all(Array.from({ length: 8 }, () => stage(golden.sizeBytes)));
    await withApp((first) =>
      withApp(async (second) => {
        await Promise.all(uploads.map((uploadId) => announce(received(uploadId, golden.sizeBytes))));
        for (const uploadId of uploads) expect(await ended(uploadId)).toBe(true);
        const name = "granary_preprocessor_segments_total";
        expect((await metric(first.url, name)) + (await metric(second.url, name))).toBe(uploads.length);
        expect(uploads.map((uploadId) => endsOf(uploadId).length)).toEqual(uploads.map(() => 1));
      }),
    );
  });
});
