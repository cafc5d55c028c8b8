import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import {
  type ChainCall,
  type ChainClient,
  connectChain,
  loadSigner,
  type SegmentDeclaration,
  type Signer,
} from "@granary/chain-client";
import type { Fid, FragmentHash, SegmentHash } from "@granary/primitives";
import { silentLog } from "@granary/telemetry";
import { type NodeProcess, startNodeProcess } from "../process.js";
import { freePort } from "../server/free-port.js";

/** The development chain as a process of its own, as the network runs it. */
const script = fileURLToPath(new URL("../../../../apps/dev-chain/dist/main.js", import.meta.url));

export interface ChainProcess {
  readonly url: string;
  readonly process: NodeProcess;
  /** Where the chain lies. */
  readonly dataDir: string;
  /** A request by name: with DEV_CHAIN_FAULTS also `dev_…` (apps/dev-chain/README.md). @throws Error with the node's words */
  ask<T>(method: string, ...params: readonly unknown[]): Promise<T>;
}

/** Blocks come as soon as there are transactions, and are final at once, unless `env` says otherwise. */
export async function startChain(
  dir: string,
  env: Record<string, string> = {},
  name = "dev-chain",
): Promise<ChainProcess> {
  const port = await freePort();
  const dataDir = `${dir}/${name}`;
  const process = await startNodeProcess({
    name,
    script,
    readyPath: "/health",
    dir,
    port,
    env: {
      DEV_CHAIN_PORT: String(port),
      DEV_CHAIN_DATA_DIR: dataDir,
      DEV_CHAIN_SEAL: "instant",
      DEV_CHAIN_FINALITY_MS: "15",
      ...env,
    },
  });
  return {
    url: `ws://127.0.0.1:${port}`,
    process,
    dataDir,
    async ask<T>(method: string, ...params: readonly unknown[]): Promise<T> {
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
      const response = await fetch(process.url, { method: "POST", body });
      const { result, error } = (await response.json()) as { result: T; error?: { message: string } };
      if (error !== undefined) throw new Error(error.message);
      return result;
    },
  };
}

export const connect = (url: string): Promise<ChainClient> =>
  connectChain({ urls: [url], log: silentLog, pollMs: 500, behindMs: 2_000 });

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Hashes that stand for a file; nobody looks at its bytes here. */
export function fileOf(label: string, segmentCount = 1): { fid: Fid; segments: SegmentDeclaration[] } {
  const segments = Array.from({ length: segmentCount }, (_, segment) => ({
    hash: digest(`${label} ${segment}`) as SegmentHash,
    fragments: Array.from({ length: 12 }, (_, column) => digest(`${label} ${segment} ${column}`) as FragmentHash),
  }));
  return { fid: digest(label) as Fid, segments };
}

const TOKEN = 10n ** 18n;
const TEE_KEY = `0x${"00".repeat(32)}`;
const NO_SIGNATURE = `0x${"00".repeat(64)}`;
const poisKey = { g: `0x${"01".repeat(256)}`, n: `0x${"02".repeat(256)}` };

/** What brings a new account to a miner in state positive with 10 GiB of idle space. */
export function minerCalls({ calls }: ChainClient, signer: Signer, endpoint: string): ChainCall {
  const proof = { miner: signer.account, front: 0, rear: 160, poisKey, accumulator: `0x${"00".repeat(256)}` };
  return calls.batch([
    calls.registerMiner({ beneficiary: signer.account, endpoint, stake: 4000n * TOKEN, declaredTib: 1 }),
    calls.raw("Sminer", "register_pois_key", [poisKey, NO_SIGNATURE, NO_SIGNATURE, TEE_KEY]),
    calls.raw("FileBank", "cert_idle_space", [proof, NO_SIGNATURE, NO_SIGNATURE, TEE_KEY]),
  ]);
}

export interface Cast {
  readonly owner: Signer;
  readonly gateway: Signer;
  readonly miners: readonly Signer[];
}

export async function createCast(minerCount = 12): Promise<Cast> {
  const miners = Array.from({ length: minerCount }, (_, index) => loadSigner(`//Test//miner//${index + 1}`));
  return {
    owner: await loadSigner("//Bob"),
    gateway: await loadSigner("//Charlie"),
    miners: await Promise.all(miners),
  };
}

/** Miners with space, a territory of the owner, the gateway authorized. */
export async function prepareNetwork(client: ChainClient, cast: Cast, territory = "default"): Promise<void> {
  const { calls, writer } = client;
  const faucet = await loadSigner("//Alice");
  const grants = cast.miners.map((miner) => calls.transfer(miner.account, 5000n * TOKEN));
  await writer.signAndFinalize(faucet, calls.batch(grants));
  await Promise.all(
    cast.miners.map((miner, index) =>
      writer.signAndFinalize(miner, minerCalls(client, miner, `http://127.0.0.1:${15_000 + index}`)),
    ),
  );
  await writer.signAndFinalize(
    cast.owner,
    calls.batch([calls.mintTerritory(territory, 10, 30), calls.authorize(cast.gateway.account)]),
  );
}

export async function declare(client: ChainClient, cast: Cast, label: string, segmentCount = 1): Promise<Fid> {
  const { fid, segments } = fileOf(label, segmentCount);
  const declaration = {
    fid,
    segments,
    owner: cast.owner.account,
    name: `${label}.bin`,
    territory: "default",
    sizeBytes: 1000,
  };
  await client.writer.signAndFinalize(cast.gateway, client.calls.uploadDeclaration(declaration));
  return fid;
}

export async function report(client: ChainClient, cast: Cast, fid: Fid, indices: readonly number[]): Promise<void> {
  for (const index of indices) {
    const miner = cast.miners[index - 1] as Signer;
    await client.writer.signAndFinalize(miner, client.calls.transferReport(index, fid));
  }
}

export const allColumns = Array.from({ length: 12 }, (_, index) => index + 1);
