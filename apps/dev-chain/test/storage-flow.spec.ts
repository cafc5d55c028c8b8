import { afterAll, beforeAll, expect, it } from "@jest/globals";
import type { ApiPromise } from "@polkadot/api";
import { createDevChain, type DevChain, TCESS } from "../src/index.js";
import { call, connect, eventually, key, read, send } from "./client.js";

let chain: DevChain;
let api: ApiPromise;
const fid = "5".repeat(64);
const owner = () => key("//Bob");
const gateway = () => key("//Charlie");
const miners = Array.from({ length: 12 }, (_, i) => key(`//Column${i + 1}`));
const zeros = `0x${"00".repeat(256)}`;
const anyTee = `0x${"00".repeat(32)}`;
const segments = [0, 1].map((segment) => ({
  hash: `${segment}`.repeat(64),
  fragmentList: Array.from({ length: 12 }, (_, i) => `${segment}${i.toString(16)}`.padEnd(64, "f")),
}));

beforeAll(async () => {
  chain = await createDevChain({ seal: "instant", finalityMs: 20 });
  await chain.start();
  api = await connect(chain.url);
});
afterAll(async () => {
  await api.disconnect();
  await chain.close();
});

/** From newly made accounts to miners with certified space, by the calls that a miner makes. */
async function makeMiners(): Promise<void> {
  const funding = miners.map(({ address }) => call(api, "balances.transferKeepAlive", address, 5000n * TCESS));
  expect((await send(api, call(api, "utility.batchAll", funding), key("//Alice"))).error).toBeUndefined();
  await Promise.all(
    miners.map(async (miner, i) => {
      const proof = { miner: miner.address, front: 0, rear: 160, poisKey: { g: zeros, n: zeros }, accumulator: zeros };
      for (const step of [
        call(api, "sminer.regnstk", miner.address, `http://127.0.0.1:${21_001 + i}`, 4000n * TCESS, 1),
        call(api, "sminer.registerPoisKey", { g: zeros, n: zeros }, "0x", "0x", anyTee),
        call(api, "fileBank.certIdleSpace", proof, "0x", "0x", anyTee),
      ]) {
        expect((await send(api, step, miner)).error).toBeUndefined();
      }
    }),
  );
}

it("a file goes from a territory to twelve miners and away again, by an unmodified client", async () => {
  await makeMiners();
  expect(await read(api, "sminer.allMiner")).toHaveLength(12);
  const miner = await read<{ state: string }>(api, "sminer.minerItems", [miners[0]!.address]);
  expect(Buffer.from(miner.state.slice(2), "hex").toString()).toBe("positive");

  expect((await send(api, call(api, "storageHandler.mintTerritory", 1, "home", 30), owner())).error).toBeUndefined();
  const brief = { user: owner().address, fileName: "film.mp4", territoryName: "home" };
  const declaration = () => call(api, "fileBank.uploadDeclaration", fid, segments, brief, 40_000_000);
  expect((await send(api, declaration(), gateway())).error).toBe("fileBank.NoPermission");
  await send(api, call(api, "oss.authorize", gateway().address), owner());
  expect((await send(api, declaration(), gateway())).events).toContain("fileBank.UploadDeclaration");
  const deal = await read<{ segmentList: unknown[]; completeList: unknown[] }>(api, "fileBank.dealMap", [fid]);
  expect([deal.segmentList.length, deal.completeList.length]).toEqual([2, 0]);

  const reports = await Promise.all(
    miners.map((column, i) => send(api, call(api, "fileBank.transferReport", i + 1, fid), column)),
  );
  const last = reports.filter(({ events }) => events.includes("fileBank.StorageCompleted"));
  expect(last).toHaveLength(1);
  expect(last[0]!.events.filter((event) => event.startsWith("fileBank"))).toEqual([
    "fileBank.StorageCompleted",
    "fileBank.TransferReport",
  ]);
  expect(await read(api, "fileBank.dealMap", [fid])).toBeNull();
  const file = await read<{ stat: string; segmentList: { fragmentList: { miner: string }[] }[] }>(
    api,
    "fileBank.file",
    [fid],
  );
  expect(file.stat).toBe("Active");
  for (const segment of file.segmentList) {
    expect(segment.fragmentList.map(({ miner: at }) => at)).toEqual(miners.map(({ address }) => address));
  }
  expect(await read(api, "fileBank.userHoldFileList", [owner().address])).toHaveLength(1);

  expect((await send(api, call(api, "fileBank.deleteFile", owner().address, fid), gateway())).events).toContain(
    "fileBank.DeleteFile",
  );
  expect(await read(api, "fileBank.file", [fid])).toBeNull();
  const territory = await read<{ usedSpace: number }>(api, "storageHandler.territory", [owner().address, "home"]);
  expect(territory.usedSpace).toBe(0);
  await eventually(
    () => chain.finalized,
    (height) => height === chain.height,
  );
});
