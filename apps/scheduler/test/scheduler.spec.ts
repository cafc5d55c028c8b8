import { MiB } from "@granary/primitives";
import type { Service } from "@granary/service-runtime";
import { poll } from "@granary/testnet";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type Network, startNetwork } from "./support/network.js";

let network: Network;
let app: Service | undefined;

beforeAll(async () => {
  network = await startNetwork();
});
afterAll(() => network.stop());
beforeEach(() => {
  for (const miner of network.miners.all) miner.behaviour = "honest";
  network.miners.delayMs = 0;
  network.indexer.speaks = true;
  network.chain.beforeSubmit = () => {};
});
afterEach(async () => {
  await app?.stop();
  app = undefined;
  await network.database.minerRecord.deleteMany();
});

describe("the scheduler", () => {
  it("brings an upload to active with its columns on twelve miners, and tells each step", async () => {
    app = await network.start();
    const upload = await network.stage(40 * MiB);
    await network.announce(upload);
    await network.reaches(upload, "active");
    const deal = await network.show(upload);
    expect(new Set(deal.columns.map(({ miner }) => miner)).size).toBe(12);
    expect(deal.columns.every(({ state }) => state === "reported")).toBe(true);
    const file = await network.chain.reader.file(upload.fid);
    expect(file?.segments[0]?.fragments.map(({ miner }) => miner)).toEqual(deal.columns.map(({ miner }) => miner));
    const told = network.told.get(upload.uploadId) ?? [];
    expect(told.map(({ revision }) => revision)).toEqual([...told.keys()].map((i) => i + 1));
    expect(network.chain.declared.filter(({ fid }) => fid === upload.fid)).toHaveLength(1);
    expect(await poll(async () => (await openTransactions()) === 0, 20_000)).toBe(true);
  });
});

const openTransactions = () =>
  network.database.chainTransaction.count({ where: { state: { in: ["prepared", "submitted", "included"] } } });
