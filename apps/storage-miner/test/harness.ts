import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type ChainClient, connectChain, loadSigner, type Signer, signMessage } from "@granary/chain-client";
import { createMinerClient, type MinerClient, type MinerLimits } from "@granary/miner-client";
import { digestOf, type Fid, FRAGMENT_BYTES, type FragmentHash, type SegmentHash } from "@granary/primitives";
import {
  type Behaviour,
  createMinerMetrics,
  honest,
  type MinerHostConfig,
  type MinerSpec,
  unchecked,
} from "@granary/storage-miner";
import { createRegister, silentLog } from "@granary/telemetry";

const repository = new URL("../../../", import.meta.url).pathname;

/** What a test opened, closed in the opposite order. */
export class Closing {
  private readonly closers: (() => Promise<unknown> | unknown)[] = [];

  add<T>(value: T, close: (value: T) => Promise<unknown> | unknown): T {
    this.closers.push(() => close(value));
    return value;
  }

  async all(): Promise<void> {
    for (const close of this.closers.splice(0).reverse()) await close();
  }
}

export async function temporaryFolder(closing: Closing): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "granary-miner-"));
  return closing.add(folder, () => rm(folder, { recursive: true, force: true }));
}

/** Below the range of outgoing connections. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once("error", () => resolve(false));
      probe.listen({ port, host: "127.0.0.1" }, () => probe.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

export async function eventually<T>(
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 120_000,
) {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`still not so after ${timeoutMs} ms: ${ask}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Runs a built program of the repository until it prints its ready line. */
export async function startProgram(
  app: string,
  env: Record<string, string>,
): Promise<{ child: ChildProcess; ready: Record<string, unknown> }> {
  const script = join(repository, "apps", app, "dist", "main.js");
  if (!existsSync(script)) throw new Error(`${script} is not built`);
  const child = spawn(process.execPath, [script], {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  // Kept for the message when it ends early; read to the end, or the program would stop at a full pipe.
  const lines: string[] = [];
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      lines.push(line);
      if (/"level":"(warn|error)"/.test(line)) console.error(`${app}: ${line}`);
      if (line.includes('"event":"ready"')) resolve({ child, ready: JSON.parse(line) as Record<string, unknown> });
    });
    child.once("exit", () => reject(new Error(`${app} ended before it was ready: ${lines.slice(-5).join("\n")}`)));
  });
}

export async function endProgram(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const ended = once(child, "exit");
  child.kill(signal);
  const [code] = (await ended) as [number | null];
  return code;
}

export interface Chain {
  readonly url: string;
  readonly client: ChainClient;
  readonly alice: Signer;
}

const TERRITORY = "granary";

/** A development chain where //Alice pays and declares. Her territory is bought when miners have brought space. */
export async function startChain(closing: Closing): Promise<Chain> {
  const port = await freePort();
  const { child } = await startProgram("dev-chain", {
    DEV_CHAIN_PORT: String(port),
    DEV_CHAIN_BLOCK_MS: "250",
    DEV_CHAIN_FINALITY_MS: "50",
  });
  closing.add(child, endProgram);
  const url = `ws://127.0.0.1:${port}`;
  const client = closing.add(await connectChain({ urls: [url], log: silentLog }), (chain) => chain.close());
  return { url, client, alice: await loadSigner("//Alice") };
}

export const buyTerritory = ({ client, alice }: Chain): Promise<unknown> =>
  client.writer.signAndFinalize(alice, client.calls.mintTerritory(TERRITORY, 10, 30));

/** Opens a deal over one segment per list of fragments. */
export async function declare(chain: Chain, columns: readonly (readonly FragmentHash[])[]): Promise<Fid> {
  const { client, alice } = chain;
  const fid = randomDigest() as Fid;
  const declaration = {
    fid,
    segments: columns.map((fragments) => ({ hash: randomDigest() as SegmentHash, fragments })),
    owner: alice.account,
    name: "holiday.jpg",
    territory: TERRITORY,
    sizeBytes: columns.length * 1000,
  };
  await client.writer.signAndInclude(alice, client.calls.uploadDeclaration(declaration));
  return fid;
}

export const randomDigest = () => digestOf(randomFillSync(new Uint8Array(32)));

export interface Fragment {
  readonly bytes: Uint8Array;
  readonly hash: FragmentHash;
}

export function randomFragment(): Fragment {
  const bytes = randomFillSync(new Uint8Array(FRAGMENT_BYTES));
  return { bytes, hash: digestOf(createHash("sha256").update(bytes).digest()) as FragmentHash };
}

/** Twelve fragments of which the given ones are real. */
export const segmentWith = (fragments: Readonly<Record<number, FragmentHash>>): FragmentHash[] =>
  Array.from({ length: 12 }, (_, place) => fragments[place + 1] ?? (randomDigest() as FragmentHash));

export async function openGateway(closing: Closing, limits: Partial<MinerLimits> = {}): Promise<MinerClient> {
  const signer = await loadSigner("//Granary//gateway");
  const client = createMinerClient({
    signer: { account: signer.account, sign: (message) => signMessage(signer, message) },
    allowPrivateAddresses: true,
    limits: { windowMs: 500, getAnswerTimeoutMs: 5000, ...limits },
  });
  return closing.add(client, (one) => one.close());
}

export async function minerSpec(dir: string, number: number, behaviour: Behaviour = honest): Promise<MinerSpec> {
  const signer = await loadSigner(`//Granary//miner//${number}`);
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  return { signer, host: "127.0.0.1", port, endpoint, dir: join(dir, signer.account), behaviour };
}

export const fastTiming = { reportPollMs: 500, isEager: true, absenceGraceMs: 1500, sweepMs: 1000 };

export const hostConfig = (chain: Chain, miners: readonly MinerSpec[]): MinerHostConfig => ({
  miners,
  chainUrls: [chain.url],
  idleBytes: 1024 ** 4,
  funder: chain.alice,
  attestor: unchecked,
  timing: fastTiming,
  log: silentLog,
  metrics: createMinerMetrics(createRegister({ service: "test", processMetrics: false })),
});
