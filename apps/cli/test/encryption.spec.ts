import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { connectDatabase, type Database } from "@granary/database";
import { unwrapDataKey, wrappingKeyOf } from "@granary/domain/encryption";
import { type AccountId, SEGMENT_BYTES, type UploadId } from "@granary/primitives";
import { upload, withFile } from "@granary/sdk";
import type { ServiceName } from "@granary/testnet";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { random, type Stage, seed, setStage, TERRITORY } from "./harness.js";
import { type Ear, listenToNats, listenToRedis } from "./listen.js";

const customerKey = randomBytes(32);
const cipher = `cipher-${randomBytes(10).toString("hex")}`;
/** Plain bytes that one segment carries. */
const GCM_SEGMENT = 512 * 65_520;
const CIPHER_SEGMENT = SEGMENT_BYTES - 16;
const THREE_SEGMENTS_AND_MORE = 3 * SEGMENT_BYTES + 1;
/** Of an object of some chunks, and of a larger one. */
const [RANGES, RANGES_OF_LARGE] = [200, 20];
const LARGE = SEGMENT_BYTES / 2;
const READERS = 8;
const SENDERS = 3;
const debug = { LOG_LEVEL: "debug" };
const services = ["preprocessor", "scheduler", "chain-indexer", "retrieval", "ingest-gateway"] as const;

describe(`encrypted files through the whole network (GRANARY_TEST_SEED=${seed})`, () => {
  const chance = random(seed);
  let stage: Stage;
  let nats: Ear;
  let redis: Ear;
  beforeAll(async () => {
    const environment = Object.fromEntries(services.map((name) => [name, debug])) as Record<ServiceName, typeof debug>;
    stage = await setStage("encryption", { minerCount: 12, environment });
    [nats, redis] = [await listenToNats(stage.network.urls.nats), await listenToRedis(stage.network.urls.redis)];
  });
  afterAll(async () => {
    nats?.close();
    redis?.close();
    await stage?.close();
  });

  const own = { "Encryption-Key": customerKey.toString("base64") };
  const modes = {
    cipher: { send: { cipher }, key: { Cipher: cipher } },
    customer: { send: { encryptionKey: own["Encryption-Key"] }, key: own },
    /** The gateway keeps the key, and wants to know who asks. */
    owner: { send: { encryptionKey: null }, key: {} },
  } as const;

  async function fetchRange(fid: string, mode: keyof typeof modes, start?: number, end?: number) {
    const range = start === undefined || end === undefined ? {} : { Range: `bytes=${start}-${end - 1}` };
    const headers: Record<string, string> = { ...modes[mode].key, ...range };
    const signed = mode === "owner" ? { signer: stage.signer } : {};
    const answer = await stage.gateway.send(`/file/download/${fid}`, { headers, ...signed });
    expect(answer.status).toBe(start === undefined ? 200 : 206);
    return Buffer.from(await answer.arrayBuffer());
  }

  interface Sent {
    readonly mode: keyof typeof modes;
    readonly file: string;
    readonly sizeBytes: number;
    readonly fid: string;
    readonly uploadId: string;
  }
  const sent: Sent[] = [];

  async function send(mode: keyof typeof modes, sizeBytes: number, key: number): Promise<Sent> {
    const file = await stage.makeFile(`${mode}-${sizeBytes}`, sizeBytes, key);
    const { gateway, signer } = stage;
    const name = path.basename(file);
    const request = { gateway, signer, name, territory: TERRITORY, onBytes: () => {}, ...modes[mode].send };
    const uploadId = await withFile(file, (source) => upload({ ...request, source }));
    const { fid } = await stage.waitFor(uploadId, "active");
    return { mode, file, sizeBytes, fid: fid as string, uploadId };
  }

  it("are stored, in each mode, with sizes around the edges of chunks and segments", async () => {
    const wanted: [keyof typeof modes, number][] = [
      ["cipher", 1],
      ["cipher", 65_519],
      ["cipher", 65_520],
      ["cipher", 65_521],
      ["cipher", CIPHER_SEGMENT - 1],
      ["cipher", CIPHER_SEGMENT + 1],
      ["cipher", SEGMENT_BYTES + 1],
      ["cipher", THREE_SEGMENTS_AND_MORE],
      ["customer", 1],
      ["customer", 65_520],
      ["customer", 65_521],
      ["customer", GCM_SEGMENT],
      ["customer", SEGMENT_BYTES - 1],
      ["owner", 65_519],
      ["owner", GCM_SEGMENT + 1],
      ["owner", THREE_SEGMENTS_AND_MORE],
    ];
    const queue = [...wanted.entries()];
    await together(SENDERS, queue, async ([index, [mode, sizeBytes]]) => {
      sent.push(await send(mode, sizeBytes, index + 1));
    });
    expect(await stage.nothingStaged()).toBe(true);
  });

  it("come back empty where they are empty, under whatever key", async () => {
    for (const mode of ["cipher", "customer", "owner"] as const) {
      const { fid } = await send(mode, 0, 0);
      expect(await fetchRange(fid, mode)).toHaveLength(0);
    }
  });

  it(`come back from the miners, whole and by ${RANGES} random ranges each, ${RANGES_OF_LARGE} of large ones`, async () => {
    for (const { mode, file, sizeBytes, fid } of sent) {
      const plain = await readFile(file);
      expect(plain).toHaveLength(sizeBytes);
      expect({ mode, sizeBytes, isSame: (await fetchRange(fid, mode)).equals(plain) }).toMatchObject({ isSame: true });
      const ranges = Array.from({ length: sizeBytes < LARGE ? RANGES : RANGES_OF_LARGE }, (_, i) => {
        const start = Math.floor(chance() * sizeBytes);
        return { start, end: Math.min(sizeBytes, start + 1 + Math.floor((chance() * 300_000) >> (i % 19))) };
      });
      await together(READERS, ranges, async ({ start, end }) => {
        const part = await fetchRange(fid, mode, start, end);
        if (!part.equals(plain.subarray(start, end))) throw new Error(`${mode} ${sizeBytes}: ${start}-${end} differs`);
      });
    }
  });

  it("are refused to a wrong key before the first byte", async () => {
    for (const { mode, fid } of sent) {
      const wrong = { cipher: { Cipher: "wrong" }, customer: { "Encryption-Key": randomBytes(32).toString("base64") } };
      const headers: Record<string, string> = mode === "owner" ? wrong.customer : wrong[mode];
      const answer = await stage.gateway.send(`/file/download/${fid}`, { headers });
      const { error } = (await answer.json()) as { error: { code: string } };
      expect([answer.status, error.code]).toEqual([
        403,
        mode === "cipher" ? "CIPHER_KEY_WRONG" : "ENCRYPTION_KEY_WRONG",
      ]);
    }
  });

  it("leave their keys in no row, log, job, message, metric or file", async () => {
    const places = await lookEverywhere(stage, nats, redis);
    const secrets = await allSecrets(stage);
    expect(secrets.length).toBeGreaterThanOrEqual(3 + 2 + 2);
    for (const [place, text] of places) {
      const found = secrets.flatMap(formsOf).filter((form) => text.includes(form));
      expect({ place, found: found.length }).toEqual({ place, found: 0 });
    }
    // The same search finds what has to be there: it looks where something is.
    const known = sent[0]?.uploadId as string;
    for (const place of ["rows", "nats", "log of ingest-gateway", "metrics of ingest-gateway", "redis"]) {
      const sign = { redis: "encode", "metrics of ingest-gateway": "granary_" }[place] ?? known;
      expect({ place, hasSign: places.get(place)?.includes(sign) }).toEqual({ place, hasSign: true });
    }
  });
});

/** Works through the queue, so many at a time. */
async function together<T>(count: number, queue: T[], work: (next: T) => Promise<void>): Promise<void> {
  const takeNext = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: count }, takeNext));
}

/** A secret as it may be written: bytes, hexadecimal, base64 in both alphabets without padding, JSON's list of numbers. */
function formsOf(secret: Buffer): string[] {
  const plain = [secret.toString("latin1"), secret.toString("hex"), secret.toString("hex").toUpperCase()];
  const base64 = [secret.toString("base64"), secret.toString("base64url")].map((text) => text.replace(/=+$/, ""));
  return [...plain, ...base64, [...secret].join(","), [...secret].join(", ")];
}

/** The customer's key, the cipher (and the key made of it), the operator's key, and every object's own. */
async function allSecrets(stage: Stage): Promise<Buffer[]> {
  const keyFile = (await readFile(path.join(stage.network.dir, "key-encryption-keys"), "utf8")).trim();
  const operatorKey = Buffer.from(keyFile.split(":")[1] ?? "", "base64");
  return withDatabase(stage, async (database) => {
    const rows = await database.objectKey.findMany();
    const dataKeys = rows.map((row) => {
      const key = wrappingKeyOf(row.wrappedBy === null ? customerKey : operatorKey);
      const binding = {
        uploadId: row.uploadId as UploadId,
        account: row.account as AccountId,
        sizeBytes: Number(row.sizeBytes),
      };
      return unwrapDataKey(row.wrappedKey, key, binding).export();
    });
    return [customerKey, operatorKey, Buffer.from(cipher), ...dataKeys];
  });
}

async function withDatabase<T>(stage: Stage, work: (database: Database) => Promise<T>): Promise<T> {
  const database = connectDatabase({ url: stage.network.urls.database, poolSize: 1 });
  try {
    return await work(database);
  } finally {
    await database.$disconnect();
  }
}

/** Text of every place that a key could get to, by the place's name. */
async function lookEverywhere(stage: Stage, nats: Ear, redis: Ear): Promise<Map<string, string>> {
  const places = new Map([
    ["nats", nats.heard()],
    ["redis", redis.heard()],
  ]);
  const rows = await withDatabase(stage, async (database) => {
    const tables = await database.$queryRawUnsafe<{ name: string }[]>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT LIKE 'pg_%'`,
    );
    let text = "";
    for (const { name } of tables) {
      const found = await database.$queryRawUnsafe<{ row: string }[]>(`SELECT t::text AS row FROM ${name} t`);
      text += found.map(({ row }) => row).join("\n");
    }
    return text;
  });
  places.set("rows", rows);
  for (const name of services) {
    const { logFile, url } = stage.network.services[name];
    places.set(`log of ${name}`, await readFile(logFile, "latin1"));
    places.set(`metrics of ${name}`, await (await fetch(`${url}/metrics`)).text());
  }
  // What the servers themselves keep: the stream of facts, and what Redis wrote.
  for (const folder of ["nats", "redis"]) {
    for (const entry of await readdir(path.join(stage.network.dir, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath, entry.name);
      places.set(file, await readFile(file, "latin1").catch(() => ""));
    }
  }
  return places;
}
