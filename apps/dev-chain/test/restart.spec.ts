import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { createDevChain, TCESS } from "../src/index.js";
import { call, connect, freeOf, key, read, send } from "./client.js";

let folder: string;
let running: ChildProcess | undefined;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "dev-chain-"));
});
afterEach(async () => {
  if (running !== undefined && !hasEnded(running)) await kill(running);
  fs.rmSync(folder, { recursive: true });
});

const here = path.dirname(fileURLToPath(import.meta.url));
const config = () => ({ seal: "instant", finalityMs: 20, dataDir: folder }) as const;

it("a chain goes on where it ended: state, blocks, nonces, the past, and its identity", async () => {
  const first = await createDevChain(config());
  await first.start();
  const before = await connect(first.url);
  const bob = key("//Bob").address;
  const initially = await freeOf(before, bob);
  const { blockHash } = await send(before, call(before, "balances.transferKeepAlive", bob, 7n * TCESS), key("//Alice"));
  await send(before, call(before, "oss.authorize", bob), key("//Dave"));
  const { height, genesisHash } = first;
  await before.disconnect();
  await first.close();

  const second = await createDevChain({ ...config(), genesis: { seed: "ignored: the folder has a chain" } });
  await second.start();
  const after = await connect(second.url);
  try {
    expect([second.height, second.finalized, second.genesisHash]).toEqual([height, height, genesisHash]);
    expect(await freeOf(after, bob)).toBe(initially + 7n * TCESS);
    expect(await freeOf(after, bob, second.genesisHash)).toBe(initially);
    expect((await after.rpc.chain.getHeader(blockHash)).number.toNumber()).toBe(1);
    const events = await read<unknown[]>(after, "system.events", [], blockHash);
    expect(events).toHaveLength(5);
    const sent = await send(after, call(after, "balances.transferKeepAlive", bob, TCESS), key("//Alice"));
    expect(sent.error).toBeUndefined();
    expect(second.height).toBe(height + 1);
  } finally {
    await after.disconnect();
    await second.close();
  }
});

it("a chain that is killed again and again never takes back a block that it called final", async () => {
  let last = { number: -1, hash: "" };
  for (let round = 0; round < 4; round += 1) {
    running = startProcess();
    const { url } = await readyLine(running);
    const api = await connect(url);
    if (last.number >= 0) expect((await api.rpc.chain.getBlockHash(last.number)).toHex()).toBe(last.hash);
    const stop = await api.rpc.chain.subscribeFinalizedHeads((header) => {
      last = { number: header.number.toNumber(), hash: header.hash.toHex() };
    });
    const sent = await send(api, call(api, "balances.transferKeepAlive", key("//Bob").address, TCESS), key("//Alice"));
    expect(sent.error).toBeUndefined();
    const target = last.number + 3 + round;
    while (last.number < target) await new Promise((resolve) => setImmediate(resolve));
    await kill(running);
    stop();
    await api.disconnect();
  }
  expect(last.number).toBeGreaterThan(12);
});

it("ends by SIGTERM with code 0, and says what is wrong with its settings", async () => {
  running = startProcess();
  await readyLine(running);
  running.kill("SIGTERM");
  expect(await exitOf(running)).toBe(0);
  running = startProcess({ DEV_CHAIN_SEAL: "sometimes" });
  expect(await exitOf(running)).toBe(1);
  running = startProcess({ DEV_CHAIN_ENDOWED: "nobody" });
  expect(await exitOf(running)).toBe(1);
});

/** The program as an operator runs it, from its build. */
function startProcess(env: Record<string, string> = {}): ChildProcess {
  const settings = {
    DEV_CHAIN_PORT: "0",
    DEV_CHAIN_BLOCK_MS: "30",
    DEV_CHAIN_FINALITY_MS: "15",
    DEV_CHAIN_DATA_DIR: folder,
  };
  return spawn(process.execPath, [path.join(here, "../dist/main.js")], {
    env: { ...process.env, ...settings, ...env },
    stdio: ["ignore", "pipe", "ignore"],
  });
}

function readyLine(child: ChildProcess): Promise<{ url: string }> {
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`ended with ${code}`)));
    child.stdout?.once("data", (line) => resolve(JSON.parse(String(line))));
  });
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;
const exitOf = (child: ChildProcess): Promise<number | null> =>
  hasEnded(child) ? Promise.resolve(child.exitCode) : new Promise((resolve) => child.once("exit", resolve));

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await exitOf(child);
}
