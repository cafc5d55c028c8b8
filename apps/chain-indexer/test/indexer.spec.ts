import { rm } from "node:fs/promises";
import { type ChainClient, loadSigner } from "@granary/chain-client";
import { events, type MessageOf } from "@granary/contracts";
import { connectDatabase, type Database, migrate } from "@granary/database";
import type { Requester } from "@granary/messaging";
import { connectRequester, type Service } from "@granary/service-runtime";
import { createRegister } from "@granary/telemetry";
import {
  allColumns,
  type Cast,
  type ChainProcess,
  connect,
  createCast,
  declare,
  freePort,
  poll,
  prepareNetwork,
  report,
  type Server,
  startChain,
  startNats,
  startPostgres,
  temporaryFolder,
} from "@granary/testnet";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createApp, readIndexerConfig } from "../src/index.js";

const WAIT_MS = 120_000;
/** What all keys of `StorageHandler.PayOrder` begin with; they end with the order's hash. */
const PAY_ORDERS = "0xd594a5c1eaaed1896a72205f11d64700bb2ae67d1ea2a9074b5d5700bfdd11e2";

type FactOf<K extends "columnReported" | "fileActivated" | "fileDeleted" | "dealDeclared" | "dealRemoved"> =
  MessageOf<K>;

describe("the chain-indexer", () => {
  let folder: string;
  let postgres: Server;
  let nats: Server;
  let chain: ChainProcess;
  let client: ChainClient;
  let cast: Cast;
  let database: Database;
  let request: Requester;
  const cleanup: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    folder = await temporaryFolder("indexer");
    [postgres, nats, chain] = await Promise.all([
      startPostgres({ dataDir: `${folder}/postgres`, durable: false }),
      startNats({ dataDir: `${folder}/nats`, durable: false }),
      startChain(folder, { DEV_CHAIN_FAULTS: "on" }),
    ]);
    await migrate(postgres.url);
    database = connectDatabase({ url: postgres.url, poolSize: 4 });
    client = await connect(chain.url);
    cast = await createCast(13);
    await prepareNetwork(client, cast);
    const requester = await connectRequester({
      natsUrl: nats.url,
      register: createRegister({ service: "test", processMetrics: false }),
    });
    request = requester.request;
    cleanup.push(() => requester.part.stop());
  });

  afterAll(async () => {
    for (const clean of cleanup.reverse()) await clean();
    await client?.close();
    await database?.$disconnect();
    await chain?.process.stop();
    await Promise.all([nats?.stop(), postgres?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  async function startIndexer(settings: Record<string, string> = {}): Promise<Service> {
    return createApp(
      readIndexerConfig({
        DATABASE_URL: postgres.url,
        DATABASE_POOL: "4",
        NATS_URL: nats.url,
        CHAIN_URL: chain.url,
        HTTP_PORT: String(await freePort()),
        LOG_LEVEL: "silent",
        CHAIN_POLL: "500ms",
        CHAIN_BEHIND: "2s",
        ...settings,
      }),
    );
  }

  async function withIndexer<T>(work: (service: Service) => Promise<T>, settings?: Record<string, string>): Promise<T> {
    const service = await startIndexer(settings);
    try {
      return await work(service);
    } finally {
      await service.stop();
    }
  }

  /** Waits until the tables have all that is final now. */
  async function caughtUp(): Promise<void> {
    const head = await client.reader.finalizedHead();
    const isThere = async () => Number((await database.cursor.findFirst())?.height ?? -1) >= head.number;
    expect(await poll(isThere, WAIT_MS)).toBe(true);
  }

  async function facts<K extends Parameters<typeof factSubject>[0]>(name: K, fid: string): Promise<FactOf<K>[]> {
    const rows = await database.chainOutbox.findMany({
      where: { subject: factSubject(name) },
      orderBy: { createdAt: "asc" },
    });
    return rows.map((row) => row.payload as unknown as FactOf<K>).filter((payload) => payload.fid === fid);
  }
  const factSubject = (name: "columnReported" | "fileActivated" | "fileDeleted" | "dealDeclared" | "dealRemoved") =>
    events[name].subject;

  const status = async (service: Service, path: string) => (await fetch(`${service.url}${path}`)).status;

  it("is ready when the tables are there, with the miners, territories and authorizations that it found", async () => {
    await withIndexer(async (service) => {
      await poll(async () => (await status(service, "/ready")) === 200, WAIT_MS);
      expect(await status(service, "/ready")).toBe(200);
      expect(await database.chainMiner.count()).toBe(13);
      const { miners, next } = await request("chainMinersList", { after: null, count: 5 });
      expect(miners).toHaveLength(5);
      expect(miners[0]).toMatchObject({ state: "positive", idleBytes: 10 * 2 ** 30 });
      const rest = await request("chainMinersList", { after: next, count: 100 });
      expect([...miners, ...rest.miners].map(({ account }) => account)).toEqual(
        cast.miners.map(({ account }) => account).sort(),
      );
      expect(rest.next).toBeNull();
      expect(await database.chainTerritory.findFirst()).toMatchObject({ name: "default", state: "active" });
      expect(await request("chainStatus", {})).toMatchObject({ isSynced: true, specVersion: 137 });
    });
  });

  it("announces each column with its index, then the file with its miners, then its deletion", async () => {
    await withIndexer(async () => {
      const fid = await declare(client, cast, "announced");
      const order = [5, 1, 12, 2, 3, 4, 6, 7, 8, 9, 10, 11];
      await report(client, cast, fid, order.slice(0, 2));
      await caughtUp();
      const { deal } = await request("chainDealShow", { fid });
      expect(deal?.reports.map(({ index }) => index)).toEqual([5, 1]);
      await report(client, cast, fid, order.slice(2));
      await caughtUp();
      const reported = await facts("columnReported", fid);
      expect(reported.map(({ index }) => index)).toEqual(order);
      expect(reported.map(({ miner }) => miner)).toEqual(order.map((index) => cast.miners[index - 1]?.account));
      const [activated, ...more] = await facts("fileActivated", fid);
      expect(more).toEqual([]);
      expect(activated?.miners).toEqual(cast.miners.slice(0, 12).map(({ account }) => account));
      expect(await facts("dealDeclared", fid)).toMatchObject([{ owner: cast.owner.account }]);
      expect(await request("chainFileShow", { fid })).toMatchObject({
        file: {
          state: "active",
          owners: [{ account: cast.owner.account, territory: "default", name: "announced.bin" }],
        },
      });
      const { segments } = await request("chainFileSegments", { fid, from: 0, count: 10 });
      expect(segments.map((segment) => segment.fragments.length)).toEqual([12]);
      const listing = { account: cast.owner.account, territory: null, after: null, count: 10 };
      expect((await request("holdingsList", listing)).holdings).toMatchObject([
        { fid, name: "announced.bin", sizeBytes: 1000 },
      ]);
      await client.writer.signAndFinalize(cast.gateway, client.calls.deleteFile(cast.owner.account, fid));
      await caughtUp();
      expect(await facts("fileDeleted", fid)).toMatchObject([{ owner: cast.owner.account, isLast: true }]);
      expect(await request("chainFileShow", { fid })).toEqual({ file: null });
      expect((await request("holdingsList", listing)).holdings).toEqual([]);
      expect(await facts("dealRemoved", fid)).toEqual([]);
    });
  });

  it("answers what is final from the chain itself, at once", async () => {
    await withIndexer(async () => {
      const { owner, gateway } = cast;
      await client.writer.signAndFinalize(owner, client.calls.mintTerritory("fresh", 1, 30));
      const shown = await request("territoryShow", { account: owner.account, name: "fresh" });
      expect(shown.territory).toMatchObject({ name: "fresh", totalBytes: 2 ** 30 });
      const { territories } = await request("territoriesList", { account: owner.account });
      expect(territories.map(({ name }) => name)).toContain("fresh");
      const authorized = await request("authorizationShow", { owner: owner.account, operator: gateway.account });
      expect(authorized.isAuthorized).toBe(true);
      await expect(
        request("chainFileSegments", { fid: "0".repeat(64) as MessageOf<"fileActivated">["fid"], from: 0, count: 1 }),
      ).rejects.toMatchObject({ code: "FID_UNKNOWN", category: "absent" });
    });
  });

  it("has after a downtime what it would have had without", async () => {
    const open = await declare(client, cast, "open while away");
    await report(client, cast, open, [1, 2]);
    const whole = await declare(client, cast, "whole while away");
    await report(client, cast, whole, allColumns);
    await withIndexer(async () => {
      await caughtUp();
      expect((await facts("columnReported", open)).map(({ index }) => index)).toEqual([1, 2]);
      expect(await facts("columnReported", whole)).toHaveLength(12);
      expect(await facts("fileActivated", whole)).toHaveLength(1);
    });
  });

  it("follows by one replica only; another takes over within seconds", async () => {
    const leads = async (service: Service) =>
      /granary_chain_indexer_leader\{[^}]*\} 1/.test(await (await fetch(`${service.url}/metrics`)).text());
    const first = await startIndexer();
    await poll(() => leads(first), WAIT_MS);
    await withIndexer(async (second) => {
      await caughtUp();
      expect([await leads(first), await leads(second)]).toEqual([true, false]);
      // The one that does not follow answers as well.
      expect(await request("chainStatus", {})).toMatchObject({ isSynced: true });
      await first.stop();
      expect(await poll(() => leads(second), WAIT_MS)).toBe(true);
      const fid = await declare(client, cast, "second leader");
      await caughtUp();
      expect(await facts("dealDeclared", fid)).toHaveLength(1);
    });
  });

  /** The same address, another chain. */
  async function replaceChain(minerCount: number): Promise<void> {
    await client.close();
    await chain.process.stop();
    await rm(chain.dataDir, { recursive: true, force: true });
    await chain.process.start();
    client = await connect(chain.url);
    await prepareNetwork(client, { ...cast, miners: cast.miners.slice(0, minerCount) });
  }

  async function isOnNewChain(): Promise<void> {
    const genesis = await client.reader.blockHash(0);
    expect(await poll(async () => (await database.cursor.findFirst())?.genesis === genesis, WAIT_MS)).toBe(true);
    await caughtUp();
  }
  const otherChains = async (service: Service) =>
    /snapshots_total\{[^}]*reason="other-chain"[^}]*\} (\d+)/.exec(
      await (await fetch(`${service.url}/metrics`)).text(),
    )?.[1];

  it("makes its tables anew when the chain is another one, and says which deals are gone", async () => {
    const fid = await declare(client, cast, "of the old chain");
    await withIndexer(async () => caughtUp());
    await replaceChain(12);
    await withIndexer(async (service) => {
      await isOnNewChain();
      expect(await facts("dealRemoved", fid)).toHaveLength(1);
      expect(await database.chainMiner.count()).toBe(12);
      expect(await database.chainFile.count()).toBe(0);
      expect(await otherChains(service)).toBe("1");
    });
  });

  it("does so also while it runs, and goes on", async () => {
    await withIndexer(async (service) => {
      await caughtUp();
      await replaceChain(13);
      await isOnNewChain();
      expect(await otherChains(service)).toBe("1");
      const fid = await declare(client, cast, "on the new chain");
      await report(client, cast, fid, [1]);
      await caughtUp();
      expect(await facts("columnReported", fid)).toMatchObject([{ index: 1 }]);
      expect(await poll(async () => (await status(service, "/ready")) === 200, WAIT_MS)).toBe(true);
    });
  });

  it("finds a territory that an order bought, and one that was sold at its buyer alone", async () => {
    await withIndexer(async () => {
      const { calls, reader, writer } = client;
      const payer = await loadSigner("//Alice");
      const order = [cast.owner.account, "0x6f726465726564", "Buy", 1, 30, 10];
      await writer.signAndFinalize(cast.owner, calls.raw("StorageHandler", "create_order", order));
      const [entry] = await chain.ask<string[]>("state_getKeysPaged", PAY_ORDERS, 2);
      const orderId = `0x${entry?.slice(-64)}`;
      await writer.signAndFinalize(payer, calls.raw("StorageHandler", "exec_order", [orderId]));
      const holders = async (name: string) => (await database.chainTerritory.findMany({ where: { name } })).map(brief);
      const brief = ({ account, state }: { account: string; state: string }) => `${state} of ${account}`;
      await caughtUp();
      expect(await holders("ordered")).toEqual([`active of ${cast.owner.account}`]);

      const token = (await reader.territory(cast.owner.account, "ordered"))?.token ?? "";
      await writer.signAndFinalize(cast.owner, calls.consignTerritory("ordered", 5n * 10n ** 18n));
      expect(await reader.consignment(token)).toEqual({
        token,
        seller: cast.owner.account,
        price: 5n * 10n ** 18n,
        sold: null,
      });
      await writer.signAndFinalize(payer, calls.buyConsignment(token, "second hand"));
      await caughtUp();
      expect(await holders("ordered")).toEqual([`on-consignment of ${cast.owner.account}`]);
      await chain.ask("dev_sealBlocks", 51);
      const { number } = await reader.bestHead();
      expect(await poll(async () => (await reader.finalizedHead()).number >= number, WAIT_MS)).toBe(true);
      await caughtUp();
      expect(await holders("second hand")).toEqual([`active of ${payer.account}`]);
      expect(await holders("ordered")).toEqual([]);
      expect(await reader.consignment(token)).toBeNull();
    });
  });

  it("finds by comparing everything what no event told", async () => {
    await withIndexer(
      async () => {
        const { calls, writer } = client;
        const fid = await declare(client, cast, "cleared");
        await report(client, cast, fid, allColumns);
        await caughtUp();
        expect(await database.chainFile.count({ where: { fid } })).toBe(1);
        const root = await loadSigner("//Alice");
        const key = `0x${Buffer.from(fid, "ascii").toString("hex")}`;
        await writer.signAndFinalize(
          root,
          calls.sudo(calls.raw("FileBank", "root_clear_file", [cast.owner.account, key])),
        );
        await writer.signAndFinalize(cast.owner, calls.mintTerritory("old name", 1, 30));
        await writer.signAndFinalize(cast.owner, calls.renameTerritory("old name", "new name"));
        // A rescan is made after a block.
        const isFound = async () => {
          await writer.signAndFinalize(root, calls.transfer(cast.owner.account, 10n ** 18n));
          const renamed = await database.chainTerritory.findMany({ where: { name: { endsWith: " name" } } });
          const names = renamed.map(({ name }) => name);
          return (await database.chainFile.count({ where: { fid } })) === 0 && names.join() === "new name";
        };
        expect(await poll(isFound, WAIT_MS)).toBe(true);
        expect(await facts("fileDeleted", fid)).toMatchObject([{ owner: cast.owner.account, isLast: true }]);
      },
      { RESCAN_INTERVAL: "1s" },
    );
  });
});
