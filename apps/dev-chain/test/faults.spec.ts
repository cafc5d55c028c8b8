import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type ApiPromise, WsProvider } from "@polkadot/api";
import { createDevChain, type DevChain, TCESS } from "../src/index.js";
import { call, connect, eventually, freeOf, key } from "./client.js";

let folder: string;
let chain: DevChain;
let api: ApiPromise;
let control: WsProvider;
const alice = () => key("//Alice");
const bob = () => key("//Bob");

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "dev-chain-faults-"));
  chain = await start();
  api = await connect(chain.url);
  control = await new WsProvider(chain.url).isReady;
});
afterAll(async () => {
  await control.disconnect();
  await api.disconnect();
  await chain.close();
  fs.rmSync(folder, { recursive: true });
});

async function start(): Promise<DevChain> {
  const started = await createDevChain({ seal: "manual", finalityMs: 15, faults: true, dataDir: folder });
  await started.start();
  return started;
}

const dev = <T>(method: string, ...params: unknown[]): Promise<T> => control.send<T>(`dev_${method}`, params);
const headHash = async () => (await api.rpc.chain.getHeader()).hash.toHex();
const hashAt = async (number: number) => (await api.rpc.chain.getBlockHash(number)).toHex();
const isFinal = (number: number) =>
  eventually(
    () => chain.finalized,
    (height) => height >= number,
  );
const transfer = (value = TCESS) => call(api, "balances.transferKeepAlive", bob().address, value);

interface Watched {
  readonly hash: string;
  readonly told: string[];
}

/** Submits and goes on listening. */
async function watch(value = TCESS): Promise<Watched> {
  const signed = await transfer(value).signAsync(alice());
  const told: string[] = [];
  await control.subscribe(
    "author_extrinsicUpdate",
    "author_submitAndWatchExtrinsic",
    [signed.toHex()],
    (_: unknown, status: string | Record<string, string>) =>
      void told.push(typeof status === "string" ? status : (Object.keys(status)[0] as string)),
  );
  return { hash: signed.hash.toHex(), told };
}

/** Heads of a subscription from the one after the present on. */
async function heads(kind: "NewHead" | "AllHead"): Promise<number[]> {
  const numbers: number[] = [];
  const name = kind === "NewHead" ? "chain_newHead" : "chain_allHead";
  await control.subscribe(name, `chain_subscribe${kind}s`, [], (_: unknown, header: { number: string }) =>
    numbers.push(Number(header.number)),
  );
  await eventually(
    () => numbers.length,
    (count) => count === 1,
  );
  numbers.length = 0;
  return numbers;
}

describe("a reorganization", () => {
  it.each([1, 4, 10])(
    "of depth %i makes the longer branch the best; what lost can be asked for until the other is final",
    async (depth) => {
      await dev("stallFinality", true);
      const before = await freeOf(api, bob().address);
      const fork = chain.height;
      const { told } = await watch();
      await dev("sealBlocks", depth);
      const old = await hashAt(fork + 1);
      const [newHeads, allHeads] = [await heads("NewHead"), await heads("AllHead")];
      const best = await dev<string>("reorganize", depth, "never");
      expect([await headHash(), chain.height]).toEqual([best, fork + depth + 1]);
      expect(await hashAt(fork + 1)).not.toBe(old);
      expect(await freeOf(api, bob().address)).toBe(before);
      expect(await freeOf(api, bob().address, old)).toBe(before + TCESS);
      await eventually(
        () => allHeads.length,
        (count) => count > depth,
      );
      expect(newHeads).toEqual([fork + depth + 1]);
      expect(allHeads).toEqual(Array.from({ length: depth + 1 }, (_, i) => fork + 1 + i));
      expect(told).toEqual(["ready", "inBlock", "retracted"]);
      await dev("stallFinality", false);
      await isFinal(fork + depth + 1);
      expect(await control.send("chain_getHeader", [old])).toBeNull();
    },
  );

  it("brings the transactions again in other blocks, or back to the pool, as asked", async () => {
    await dev("stallFinality", true);
    const before = await freeOf(api, bob().address);
    const again = await watch();
    await dev("sealBlocks", 2);
    await dev("reorganize", 2, "again");
    expect(again.told).toEqual(["ready", "inBlock", "retracted", "ready", "inBlock"]);
    const later = await watch(2n * TCESS);
    await dev("sealBlocks", 1);
    await dev("reorganize", 1, "later");
    expect((await api.rpc.author.pendingExtrinsics()).map(({ hash }) => hash.toHex())).toEqual([later.hash]);
    expect(await freeOf(api, bob().address)).toBe(before + TCESS);
    await dev("sealBlocks", 1);
    expect(await freeOf(api, bob().address)).toBe(before + 3n * TCESS);
    await dev("stallFinality", false);
    await isFinal(chain.height);
    const ends = ["ready", "inBlock", "retracted", "ready", "inBlock", "finalized"];
    await eventually(
      () => later.told.length,
      (count) => count === ends.length,
    );
    expect([again.told, later.told]).toEqual([ends, ends]);
  });

  it("never touches what is final", async () => {
    await dev("sealBlocks", 2);
    await isFinal(chain.height);
    await dev("stallFinality", true);
    await dev("sealBlocks", 3);
    const head = await headHash();
    await expect(dev("reorganize", 4, "again")).rejects.toThrow(/final/);
    expect(await headHash()).toBe(head);
    await dev("stallFinality", false);
  });

  it("is still so after a restart", async () => {
    await dev("stallFinality", true);
    await watch();
    await dev("sealBlocks", 5);
    await dev("reorganize", 5, "never");
    await dev("sealBlocks", 1);
    const [height, head, free] = [chain.height, await headHash(), await freeOf(api, bob().address)];
    await control.disconnect();
    await api.disconnect();
    await chain.close();
    chain = await start();
    api = await connect(chain.url);
    control = await new WsProvider(chain.url).isReady;
    expect([chain.height, await headHash(), await freeOf(api, bob().address)]).toEqual([height, head, free]);
  });
});

describe("a stall of finality", () => {
  it("holds what is final where it is until it is over", async () => {
    await isFinal(chain.height);
    const final = chain.finalized;
    await dev("stallFinality", true);
    await dev("sealBlocks", 20);
    expect((await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead())).number.toNumber()).toBe(final);
    await dev("stallFinality", false);
    await isFinal(final + 20);
  });
});

describe("a pool", () => {
  it("drops a transaction, telling or not, and takes it again", async () => {
    const loud = await watch();
    expect(await dev("dropTransaction", loud.hash, true)).toBe(true);
    expect(await dev("dropTransaction", loud.hash, true)).toBe(false);
    expect(loud.told).toEqual(["ready", "dropped"]);
    const silent = await watch(2n * TCESS);
    expect(await dev("dropTransaction", silent.hash, false)).toBe(true);
    expect(silent.told).toEqual(["ready"]);
    await dev("sealBlocks", 1);
    expect((await watch(2n * TCESS)).told).toEqual(["ready"]);
    await dev("sealBlocks", 1);
  });

  it("that is full refuses by the code that nodes use", async () => {
    await dev("limitPool", 0);
    await expect(watch()).rejects.toThrow(/1016/);
    await dev("limitPool", null);
    await watch();
    await dev("sealBlocks", 1);
  });
});

it("subscriptions that were silenced say nothing more; the connection and new ones work", async () => {
  const old = await heads("NewHead");
  expect(await dev<number>("silenceSubscriptions")).toBeGreaterThan(0);
  const fresh = await heads("NewHead");
  await dev("sealBlocks", 1);
  await eventually(
    () => fresh.length,
    (count) => count === 1,
  );
  expect(old).toEqual([]);
});

it("an upgrade of the runtime is told, and holds from the next block on", async () => {
  const told: number[] = [];
  await control.subscribe(
    "state_runtimeVersion",
    "state_subscribeRuntimeVersion",
    [],
    (_: unknown, version: { specVersion: number }) => void told.push(version.specVersion),
  );
  // Of a block without one nothing is told.
  await dev("sealBlocks", 1);
  const before = await headHash();
  const code = `0x${Buffer.from("granary development runtime 138").toString("hex")}`;
  const upgrade = call(api, "sudo.sudo", call(api, "system.setStorage", [["0x3a636f6465", code]]));
  const nonce = (await api.rpc.system.accountNextIndex(bob().address)).toNumber();
  const old = await call(api, "system.remark", "0x01").signAsync(bob(), { nonce: nonce + 1 });
  await control.send("author_submitExtrinsic", [old.toHex()]);
  await control.send("author_submitExtrinsic", [(await upgrade.signAsync(alice())).toHex()]);
  await dev("sealBlocks", 1);
  const upgraded = await headHash();
  await eventually(
    () => told.length,
    (count) => count === 2,
  );
  expect(told).toEqual([137, 138]);
  const versionAt = async (hash: string) => (await api.rpc.state.getRuntimeVersion(hash)).specVersion.toNumber();
  expect([await versionAt(before), await versionAt(upgraded)]).toEqual([137, 138]);
  const [metadataBefore, metadataAfter] = await Promise.all(
    [before, upgraded].map((hash) => control.send<string>("state_getMetadata", [hash])),
  );
  expect(metadataAfter).not.toBe(metadataBefore);
  // Signed for the old runtime it waits in vain.
  expect(await api.rpc.author.pendingExtrinsics()).toHaveLength(0);
  await expect(control.send("author_submitExtrinsic", [old.toHex()])).rejects.toThrow(/bad signature/);
});

it("a chain that was not told to takes no such requests", async () => {
  const plain = await createDevChain({ seal: "manual" });
  await plain.start();
  const provider = await new WsProvider(plain.url).isReady;
  await expect(provider.send("dev_sealBlocks", [1])).rejects.toThrow(/-32601/);
  await provider.disconnect();
  await plain.close();
});
