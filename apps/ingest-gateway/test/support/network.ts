import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { Readable } from "node:stream";
import { createFilesystemBlobStore } from "@granary/blob-store";
import { accountOf, loadSigner, signMessage } from "@granary/chain-client/accounts";
import { events, type MessageOf, type OutputOf, type RequestName, requests, type Territory } from "@granary/contracts";
import { connectDatabase, type Database, migrate } from "@granary/database";
import { connectNats } from "@granary/messaging";
import { type AccountId, CodedError, type Fid, GiB, SEGMENT_BYTES, type UploadId } from "@granary/primitives";
import { readConfig, type Service } from "@granary/service-runtime";
import { poll, type Server, startNats, startPostgres, temporaryFolder } from "@granary/testnet";
import type { NatsConnection } from "@nats-io/transport-node";
import { createApp, gatewaySettings } from "../../src/index.js";
import { type Deeds, operatorAnswers } from "./operators.js";

const PIECE_BYTES = 256 * 1024;

export const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The chain, the scheduler and the preprocessor as far as the gateway asks them; a test changes what they say. */
export interface Others {
  isSynced: boolean;
  isAuthorized: boolean;
  territory: Partial<Territory> | null;
  chainFiles: Map<string, NonNullable<OutputOf<"chainFileShow">["file"]>>;
  holdings: OutputOf<"holdingsList">["holdings"];
  /** Whether an upload that is announced gets its FID. */
  doesEncode: boolean;
  /** Uploads whose bytes were announced, with how often. */
  announced: Map<string, number>;
  /** SHA-256 of the staged bytes of each upload, as the preprocessor would read them. */
  stagedDigests: Map<string, string>;
  deleted: string[];
  deal: OutputOf<"dealShow">["deal"];
  miners: OutputOf<"minersList">["miners"];
  deeds: Deeds;
}

export interface Network {
  readonly url: () => string;
  readonly nats: Server;
  readonly database: Database;
  readonly others: Others;
  readonly stagingDir: string;
  readonly account: AccountId;
  readonly gateway: AccountId;
  readonly objects: Map<string, Buffer>;
  /** Bytes of objects that the gateway has taken from retrieval. */
  retrievalServed(): number;
  /** Ciphers that the gateway has sent to retrieval, in order. */
  ciphersSeen(): readonly string[];
  /** Headers of a request that the test's account has signed. */
  signed(headers?: Record<string, string>): Record<string, string>;
  announce<K extends "objectEncoded" | "dealAdvanced" | "encodingFailed" | "fileDeleted">(
    name: K,
    message: MessageOf<K>,
  ): Promise<void>;
  request<K extends "stagedObjectFind">(name: K, input: object): Promise<OutputOf<K>>;
  restart(environment?: Record<string, string>): Promise<void>;
  /** A second gateway on the same database and the same staging folder. */
  startReplica(environment?: Record<string, string>): Promise<Service>;
  /** Files in the staging folder, whole and half. */
  stagedFiles(): Promise<string[]>;
  stop(): Promise<void>;
}

export async function startNetwork(environment: Record<string, string> = {}): Promise<Network> {
  const folder = await temporaryFolder("gateway");
  const stagingDir = `${folder}/staging`;
  const [postgres, nats]: [Server, Server] = await Promise.all([
    startPostgres({ dataDir: `${folder}/postgres`, durable: false }),
    startNats({ dataDir: `${folder}/nats`, durable: false }),
  ]);
  await migrate(postgres.url);
  const database = connectDatabase({ url: postgres.url, poolSize: 4 });
  const signer = await loadSigner("//Alice");
  const gateway = accountOf((await loadSigner("//Gateway")).publicKey);
  const others: Others = {
    isSynced: true,
    isAuthorized: true,
    territory: {},
    chainFiles: new Map(),
    holdings: [],
    doesEncode: true,
    announced: new Map(),
    stagedDigests: new Map(),
    deleted: [],
    deal: null,
    miners: [],
    deeds: [],
  };
  const connection = await connectNats({ url: nats.url, name: "others" });
  answerRequests(connection, others, gateway);
  playPreprocessor(connection, others, stagingDir);
  const objects = new Map<string, Buffer>();
  const served: Served = { bytes: 0, ciphers: [] };
  const retrieval = await startRetrieval(objects, served);

  const start = (more: Record<string, string>) =>
    createApp(
      readConfig(gatewaySettings, {
        DATABASE_URL: postgres.url,
        NATS_URL: nats.url,
        HTTP_PORT: "0",
        LOG_LEVEL: process.env.TEST_LOG ?? "silent",
        STAGING_DIR: stagingDir,
        STAGING_RESERVE: "1MiB",
        RETRIEVAL_URL: `http://127.0.0.1:${(retrieval.address() as AddressInfo).port}`,
        FID_WAIT: "2m",
        SWEEP_EVERY: "100ms",
        STOP_GRACE: "200ms",
        ...environment,
        ...more,
      }),
    );
  let app: Service = await start({});

  return {
    url: () => app.url,
    nats,
    database,
    others,
    stagingDir,
    account: signer.account,
    gateway,
    objects,
    retrievalServed: () => served.bytes,
    ciphersSeen: () => served.ciphers,
    signed: (headers = {}) => ({
      account: signer.account,
      message: "hello",
      signature: signMessage(signer, "hello"),
      territory: "home",
      ...headers,
    }),
    announce: async (name, message) => {
      await publish(connection, events[name].subject, message);
    },
    request: async (name, input) => {
      const id = "1";
      const answer = await connection.request(
        requests[name].subject,
        JSON.stringify({ pattern: requests[name].subject, data: input, id }),
        { timeout: 30_000 },
      );
      return (answer.json() as { response: { data: never } }).response.data;
    },
    restart: async (more = {}) => {
      await app.stop();
      app = await start(more);
    },
    startReplica: (more = {}) => start(more),
    stagedFiles: () => filesBelow(stagingDir),
    stop: async () => {
      await app.stop();
      await connection.close();
      retrieval.closeAllConnections();
      retrieval.close();
      await database.$disconnect();
      await nats.stop();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The one territory that there is, "home". */
const territoryOf = (others: Others, account: AccountId) =>
  others.territory === null
    ? null
    : {
        account,
        name: "home",
        token: "0x00",
        state: "active",
        totalBytes: 100 * GiB,
        usedBytes: 0,
        lockedBytes: 0,
        remainingBytes: 100 * GiB,
        startBlock: 1,
        deadlineBlock: 10_000,
        ...others.territory,
      };

function answerRequests(connection: NatsConnection, others: Others, gateway: AccountId): void {
  const answers: Partial<Record<RequestName, (input: never) => unknown>> = {
    ...operatorAnswers(others.deeds),
    chainStatus: () => ({
      genesisHash: "0x00",
      specName: "test",
      specVersion: 137,
      bestBlock: 100,
      finalizedBlock: 98,
      indexedBlock: 98,
      isSynced: others.isSynced,
    }),
    gatewayShow: () => ({ account: gateway, freeBalance: "1", isRegistered: true }),
    authorizationShow: () => ({ isAuthorized: others.isAuthorized, atBlock: 98 }),
    territoryShow: ({ account, name }: { account: AccountId; name: string }) => ({
      territory: name === "home" ? territoryOf(others, account) : null,
      atBlock: 98,
    }),
    territoriesList: ({ account }: { account: AccountId }) => {
      const home = territoryOf(others, account);
      return { territories: home === null ? [] : [home], atBlock: 98 };
    },
    chainFileShow: ({ fid }: { fid: string }) => ({ file: others.chainFiles.get(fid) ?? null }),
    chainDealShow: () => ({ deal: null, atBlock: 98 }),
    holdingsList: () => ({ holdings: others.holdings, next: null }),
    dealShow: () => ({ deal: others.deal }),
    minersList: () => ({ miners: others.miners, next: null }),
    chainMinersFind: ({ accounts }: { accounts: AccountId[] }) => ({
      miners: accounts.map((account) => ({
        account,
        state: "positive",
        endpoint: "http://127.0.0.1:1",
        idleBytes: 1,
        serviceBytes: 1,
        lockedBytes: 0,
        declaredBytes: 1,
        updatedBlock: 1,
      })),
    }),
    chainFileSegments: () => ({
      segments: [
        {
          hash: "a".repeat(64),
          fragments: Array.from({ length: 12 }, (_, i) => ({
            hash: i.toString(16).padStart(64, "0"),
            miner: accountOf(new Uint8Array(32).fill(i + 1)),
            isAvailable: true,
          })),
        },
      ],
    }),
    objectDelete: ({ account, fid }: { account: AccountId; fid: string }) => {
      const file = others.chainFiles.get(fid);
      if (file === undefined) throw new CodedError("FID_UNKNOWN", "absent", "the chain has no such file");
      if (!file.owners.some((owner) => owner.account === account)) {
        throw new CodedError("FILE_NOT_OWNED", "denied", "the account does not hold this file");
      }
      others.deleted.push(fid);
      return { blockHash: "0xabc", blockNumber: 99 };
    },
  };
  for (const [name, answer] of Object.entries(answers)) {
    connection.subscribe(requests[name as RequestName].subject, {
      callback: (_error, message) => {
        const { data, id } = message.json() as { data: never; id: string };
        let response: object;
        try {
          response = { ok: true, data: answer(data) };
        } catch (error) {
          response = { ok: false, error: (error as CodedError).toEnvelope() };
        }
        message.respond(JSON.stringify({ response, isDisposed: true, id }));
      },
    });
  }
}

/** Reads what is staged, as the preprocessor does, and says it is encoded; the FID is just the digest of the bytes. */
function playPreprocessor(connection: NatsConnection, others: Others, stagingDir: string): void {
  connection.subscribe(events.uploadReceived.subject, {
    callback: (_error, message) => {
      const upload = message.json() as MessageOf<"uploadReceived">;
      others.announced.set(upload.uploadId, (others.announced.get(upload.uploadId) ?? 0) + 1);
      // Bytes may be gone by the time a late announcement comes; the real one knows its manifest then.
      if (others.doesEncode) void encode(connection, others, stagingDir, upload).catch(() => {});
    },
  });
}

/** The stream answers a publisher that asks for it; right after the start, or a wipe, it may not be there yet. */
async function publish(connection: NatsConnection, subject: string, message: unknown): Promise<void> {
  await eventually(`${subject} is published`, async () => {
    if (connection.isClosed()) return true;
    const answer = await connection.request(subject, JSON.stringify(message), { timeout: 1_000 }).catch(() => null);
    return answer !== null;
  });
}

async function encode(
  connection: NatsConnection,
  others: Others,
  stagingDir: string,
  upload: MessageOf<"uploadReceived">,
): Promise<void> {
  const fid = others.stagedDigests.get(upload.uploadId) ?? (await digestOfStaged(stagingDir, upload.uploadId));
  others.stagedDigests.set(upload.uploadId, fid);
  const message: MessageOf<"objectEncoded"> = {
    ...upload,
    fid: fid as Fid,
    segmentCount: Math.max(1, Math.ceil(upload.stagedBytes / SEGMENT_BYTES)),
  };
  await publish(connection, events.objectEncoded.subject, message);
}

async function digestOfStaged(stagingDir: string, uploadId: UploadId): Promise<string> {
  const blobs = await createFilesystemBlobStore({ root: stagingDir, reserveBytes: 0 });
  const staged = await blobs.open(uploadId);
  const hash = createHash("sha256");
  const piece = new Uint8Array(1024 * 1024);
  for (let at = 0; at < staged.sizeBytes; at += piece.length) {
    hash.update(piece.subarray(0, await staged.read(at, piece)));
  }
  await staged.close();
  return hash.digest("hex");
}

/** What retrieval was asked for. */
interface Served {
  bytes: number;
  readonly ciphers: string[];
}

/** Serves objects with ranges; `break` ends a transfer in the middle. */
function startRetrieval(objects: Map<string, Buffer>, served: Served): Promise<HttpServer> {
  const server = createServer((request, response) => {
    const [, what, fid = "", fragment] = (request.url ?? "").split("/");
    const bytes = objects.get(what === "fragments" ? `${fid} ${fragment}` : fid);
    if (bytes === undefined) {
      response.writeHead(404, { "content-type": "application/json" });
      const error = { code: "FID_UNKNOWN", category: "absent", details: {} };
      return void response.end(JSON.stringify({ code: 404, msg: "no file has this FID", data: null, error }));
    }
    if (request.headers.cipher) served.ciphers.push(String(request.headers.cipher));
    const etag = `"${fid}"`;
    if (request.headers["if-none-match"] === etag) return void response.writeHead(304, { etag }).end();
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const start = Number(range?.[1] ?? 0);
    if (start >= bytes.length)
      return void response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    const end = range?.[2] ? Number(range[2]) + 1 : bytes.length;
    const headers: Record<string, string> = {
      etag,
      "accept-ranges": "bytes",
      "content-length": String(end - start),
      ...(range ? { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` } : {}),
      "x-cipher-seen": String(request.headers.cipher ?? ""),
    };
    response.writeHead(range ? 206 : 200, headers);
    if (request.method === "HEAD") return void response.end();
    if (request.headers.cipher === "break") {
      response.write(bytes.subarray(start, start + Math.ceil((end - start) / 2)));
      return void setTimeout(() => response.destroy(), 50);
    }
    Readable.from(piecesOf(bytes.subarray(start, end), served)).pipe(response);
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

function* piecesOf(bytes: Buffer, served: Served): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, at + PIECE_BYTES);
    served.bytes += piece.length;
    yield piece;
  }
}

export async function eventually(
  what: string,
  ask: () => boolean | Promise<boolean>,
  timeoutMs = 120_000,
): Promise<void> {
  if (!(await poll(ask, timeoutMs, 50))) throw new Error(`did not happen in time: ${what}`);
}

/** The files of a folder that others empty meanwhile: a folder that is gone when its turn comes has none. */
async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return [];
  });
  const below = await Promise.all(
    entries.map((entry) => {
      const name = path.join(dir, entry.name);
      return entry.isDirectory() ? filesBelow(name) : [name];
    }),
  );
  return below.flat();
}

export type { UploadId };
