import { createCipheriv, randomInt } from "node:crypto";
import { open, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { type ChainClient, connectChain, loadSigner, type Signer } from "@granary/chain-client";
import { MiB } from "@granary/primitives";
import {
  createGateway,
  digestFile,
  download,
  follow,
  type Gateway,
  type UploadStatus,
  upload,
  type WaitTarget,
  withFile,
} from "@granary/sdk";
import { silentLog } from "@granary/telemetry";
import {
  developmentKeys,
  type Network,
  type NetworkOptions,
  poll,
  startNetwork,
  temporaryFolder,
} from "@granary/testnet";

/** Part of every name, so that a run that failed can be had again: GRANARY_TEST_SEED. */
export const seed = Number(process.env.GRANARY_TEST_SEED ?? randomInt(1, 2 ** 31));

/** A small generator (mulberry32): the same numbers for the same seed. */
export function random(from: number): () => number {
  let state = from >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A running network with an account that owns a territory and has authorized the gateway. */
export interface Stage {
  readonly network: Network;
  readonly gateway: Gateway;
  readonly chain: ChainClient;
  readonly signer: Signer;
  readonly folder: string;
  /** Writes a file of pseudo-random bytes; other `key`, other bytes. */
  makeFile(name: string, sizeBytes: number, key?: number): Promise<string>;
  /** Sends all bytes of a file. Returns the upload's id. */
  send(file: string, onBytes?: (sent: number) => void, placement?: object): Promise<string>;
  waitFor(uploadId: string, state: WaitTarget): Promise<UploadStatus>;
  /** Downloads and says whether the bytes are those of `file`. */
  comesBack(fid: string, file: string): Promise<boolean>;
  /** Waits until the gateway holds no staged bytes any more: from then on only the miners have what is stored. */
  nothingStaged(): Promise<boolean>;
  close(): Promise<void>;
}

export const TERRITORY = "harness";

export async function setStage(name: string, options: Partial<NetworkOptions> = {}): Promise<Stage> {
  const folder = await temporaryFolder(name);
  const network = await startNetwork({
    dir: path.join(folder, "network"),
    durable: false,
    onCrash: (service, logTail) => console.error(`${service} crashed\n${logTail}`),
    ...options,
  });
  const gateway = createGateway(network.urls.gateway);
  const chain = await connectChain({ urls: [network.urls.chain], log: silentLog });
  const signer = await loadSigner(developmentKeys.user);
  await chain.writer.signAndFinalize(signer, chain.calls.mintTerritory(TERRITORY, 20, 30));
  await chain.writer.signAndFinalize(signer, chain.calls.authorize(network.gatewayAccount as never));

  return {
    network,
    gateway,
    chain,
    signer,
    folder,
    async makeFile(fileName, sizeBytes, key = 1) {
      const file = path.join(folder, fileName);
      const stream = createCipheriv("aes-128-ctr", Buffer.alloc(16, key), Buffer.alloc(16, 7));
      const handle = await open(file, "w");
      for (let at = 0; at < sizeBytes; at += MiB) {
        await handle.write(stream.update(Buffer.alloc(Math.min(MiB, sizeBytes - at))));
      }
      await handle.close();
      return file;
    },
    send(file, onBytes = () => {}, placement = undefined) {
      const wishes = placement === undefined ? {} : { placement };
      const request = { gateway, signer, name: path.basename(file), territory: TERRITORY, onBytes, ...wishes };
      return withFile(file, (source) => upload({ ...request, source }));
    },
    waitFor: (uploadId, state) => follow(gateway, uploadId, state, () => {}),
    async comesBack(fid, file) {
      const copy = path.join(folder, `copy-of-${fid}`);
      const back = await download({ gateway, fid, file: copy, onStart: () => {}, onBytes: () => {} });
      await rm(copy, { force: true });
      const original = await digestFile(file);
      return back.sha256 === original.sha256 && back.sizeBytes === original.sizeBytes;
    },
    nothingStaged: () =>
      poll(async () => (await readdir(path.join(network.dir, "staging", "uploads"))).length === 0, 120_000, 100),
    async close() {
      await chain.close();
      await network.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
