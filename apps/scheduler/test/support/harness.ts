import type { Service } from "@granary/service-runtime";
import { poll } from "@granary/testnet";
import { afterAll, afterEach, beforeAll, beforeEach } from "@jest/globals";
import type { FakeMiner } from "./fake-miners.js";
import { type Network, startNetwork, type Upload } from "./network.js";

/** One network for the tests of a file; after each test its schedulers are stopped, and everybody behaves again. */
export function useNetwork() {
  let network: Network | undefined;
  const apps: Service[] = [];
  const it = (): Network => {
    if (network === undefined) throw new Error("the network is not there yet");
    return network;
  };

  beforeAll(async () => {
    network = await startNetwork();
  });
  afterAll(() => network?.stop());
  beforeEach(() => {
    for (const miner of it().miners.all) miner.behaviour = "honest";
    it().miners.delayMs = 0;
    it().indexer.speaks = true;
    it().chain.beforeSubmit = () => {};
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
    await it().database.minerRecord.deleteMany();
    await it().database.deal.deleteMany({ where: { state: { not: "active" } } });
  });

  return {
    network: it,
    start: async (...args: Parameters<Network["start"]>): Promise<Service> => {
      const app = await it().start(...args);
      apps.push(app);
      return app;
    },
    small: () => it().stage(100_000),
    declarationsOf: ({ fid }: Upload) => it().chain.declared.filter((one) => one.fid === fid),
    openTransactions: () =>
      it().database.chainTransaction.count({ where: { state: { in: ["prepared", "submitted", "included"] } } }),
    rowOf: ({ uploadId }: Upload) => it().database.deal.findUnique({ where: { uploadId }, include: { columns: true } }),
    attemptsOf: ({ uploadId }: Upload) => it().database.placementAttempt.findMany({ where: { uploadId } }),
    minerOf: async (miner: FakeMiner) => {
      const { miners } = await it().request("minersList", { after: null, count: 1000 });
      return miners.find(({ account }) => account === miner.account);
    },
    /** The chain's own view of who holds the file. */
    holdersOnChain: async ({ fid }: Upload) =>
      (await it().chain.reader.file(fid))?.segments[0]?.fragments.map(({ miner }) => miner),
  };
}

export async function until(what: string, ask: () => boolean | Promise<boolean>, timeoutMs = 120_000): Promise<void> {
  if (!(await poll(ask, timeoutMs))) throw new Error(`did not happen in time: ${what}`);
}
