import { createCipheriv, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import path from "node:path";
import { CodedError, formatBytes, MiB } from "@granary/primitives";
import { describeStatus, digestFile, download, follow, partOf, STAGES, stageOf, upload, withFile } from "@granary/sdk";
import { developmentKeys, minerControl, type Network, poll } from "@granary/testnet";
import { authorizeGateway } from "./command/gateway.js";
import { type ColumnMap, renderMap } from "./command/objects.js";
import { type Context, createContext } from "./context.js";
import { createProgress } from "./progress.js";

const TERRITORY = "demonstration";
const DAYS = 30;
const COLUMNS_KILLED = 8;
const RELEASE_TIMEOUT_MS = 30_000;

export interface Demonstration {
  readonly network: Network;
  /** What to store; a file of random bytes is made when nothing is named. */
  readonly file: string | undefined;
  readonly sizeBytes: number;
  readonly say: (text: string) => void;
}

/**
 * The main job on real input: territory, authorization, upload with its durable states, map, eight of twelve miners
 * killed, download, both digests. The network that it leaves has its miners mended.
 * @returns whether the digests are equal
 */
export async function demonstrate({ network, file: given, sizeBytes, say }: Demonstration): Promise<boolean> {
  const context = createContext({
    gateway: network.urls.gateway,
    chain: network.urls.chain,
    keyFile: await keyFile(network),
  });
  const folder = path.join(network.dir, "demonstration");
  await mkdir(folder, { recursive: true });
  const file = given ?? (await makeFile(path.join(folder, "original"), sizeBytes, say));
  const original = await digestFile(file);
  await prepareAccount(context, original.sizeBytes, say);

  const fid = await store(network, context, file, say);
  const map = await context.gateway.call<ColumnMap>(`/file/map/${fid}`);
  process.stdout.write(`${renderMap(map)}\n`);

  const miners = minerControl(network.urls.minerControl);
  const killed = map.columns.slice(0, COLUMNS_KILLED).map((column) => column.miner as string);
  for (const miner of killed) await miners.behave(miner, { kind: "dead" });
  say(`killed ${killed.length} of the ${map.columns.length} miners: those of columns 1 to ${killed.length}`);

  const copy = path.join(folder, "copy");
  await rm(copy, { force: true });
  await rm(partOf({ file: copy, fid }), { force: true });
  try {
    const bar = createProgress({ label: "download", total: original.sizeBytes, unit: "bytes" });
    const back = await download({
      gateway: context.gateway,
      fid,
      file: copy,
      onStart: () => {},
      onBytes: (received) => bar.update(received),
    });
    bar.finish();
    process.stdout.write(`sha256 of what went in   ${original.sha256}\nsha256 of what came back ${back.sha256}\n`);
    return back.sha256 === original.sha256 && back.sizeBytes === original.sizeBytes;
  } finally {
    for (const miner of killed) await miners.behave(miner, { kind: "honest" });
    await rm(copy, { force: true });
  }
}

async function keyFile(network: Network): Promise<string> {
  const file = path.join(network.dir, "development-key");
  const handle = await open(file, "w", 0o600);
  await handle.writeFile(developmentKeys.user);
  await handle.close();
  return file;
}

/** Random bytes, so that neither a segment nor a fragment is like another. */
async function makeFile(file: string, sizeBytes: number, say: (text: string) => void): Promise<string> {
  say(`making a file of ${formatBytes(sizeBytes)} of random bytes`);
  const stream = createCipheriv("aes-128-ctr", randomBytes(16), randomBytes(16));
  const zeros = Buffer.alloc(MiB);
  const handle = await open(file, "w");
  try {
    for (let at = 0; at < sizeBytes; at += MiB)
      await handle.write(stream.update(zeros.subarray(0, Math.min(MiB, sizeBytes - at))));
  } finally {
    await handle.close();
  }
  return file;
}

/** A territory with room for the file, and the gateway's permission to use it. */
async function prepareAccount(context: Context, sizeBytes: number, say: (text: string) => void): Promise<void> {
  const signer = await context.settings.signer();
  // Twelve fragments of a quarter each: three times the size, in whole segments, and strictly more must be free.
  const neededGib = Math.ceil((3 * (sizeBytes + 32 * MiB)) / (1024 * MiB)) + 1;
  await context.withChain(async ({ reader, writer, calls }) => {
    const owned = await reader.territory(signer.account, TERRITORY);
    if (owned === null) {
      say(`buying a territory of ${neededGib} GiB for ${DAYS} days`);
      await writer.signAndFinalize(signer, calls.mintTerritory(TERRITORY, neededGib, DAYS));
    } else if (owned.remainingBytes < neededGib * 1024 * MiB) {
      say(`adding ${neededGib} GiB to the territory`);
      await writer.signAndFinalize(signer, calls.expandTerritory(TERRITORY, neededGib));
    }
  });
  say(`authorizing the gateway ${await authorizeGateway(context)}`);
}

/** Waits until the gateway has given up its staged bytes, so that a download can only come from the miners. */
async function released(network: Network, uploadId: string): Promise<void> {
  const folder = path.join(network.dir, "staging", "uploads", uploadId);
  if (!(await poll(() => !existsSync(folder), RELEASE_TIMEOUT_MS, 100))) {
    throw new CodedError(
      "STAGED_BYTES_KEPT",
      "timeout",
      "the gateway did not release the staged bytes of an active file",
    );
  }
}

async function store(network: Network, context: Context, file: string, say: (text: string) => void): Promise<string> {
  const uploadId = await withFile(file, async (source) => {
    say(`uploading ${file} (${formatBytes(source.sizeBytes)})`);
    const sending = createProgress({ label: "upload", total: source.sizeBytes, unit: "bytes" });
    const id = await upload({
      gateway: context.gateway,
      signer: await context.settings.signer(),
      source,
      name: path.basename(file),
      territory: TERRITORY,
      onBytes: (sent) => sending.update(sent),
    });
    sending.finish();
    return id;
  });
  const storing = createProgress({ label: "store", total: STAGES, unit: "steps" });
  let shown = "";
  const status = await follow(context.gateway, uploadId, "active", (now) => {
    storing.update(stageOf(now), describeStatus(now));
    if (now.state !== shown) {
      shown = now.state;
      if (!process.stderr.isTTY) say(`state: ${now.state}${now.fid === null ? "" : ` fid ${now.fid}`}`);
    }
  });
  storing.finish("active");
  await released(network, uploadId);
  if (status.fid === null) throw new CodedError("FID_MISSING", "bug", "an active upload has no FID");
  say(`stored: fid ${status.fid}`);
  return status.fid;
}
