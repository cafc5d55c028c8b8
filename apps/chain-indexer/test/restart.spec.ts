import { rm } from "node:fs/promises";
import type { ChainClient } from "@granary/chain-client";
import { connectDatabase, createOutbox, type Database, migrate } from "@granary/database";
import { CodedError } from "@granary/primitives";
import { silentLog } from "@granary/telemetry";
import {
  allColumns,
  type Cast,
  type ChainProcess,
  connect,
  createCast,
  declare,
  poll,
  prepareNetwork,
  report,
  type Server,
  startChain,
  startPostgres,
  temporaryFolder,
} from "@granary/testnet";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createPrismaMirrorStore } from "../src/adapters/prisma-mirror-store.js";
import { followChain } from "../src/flow/follow-chain.js";
import type { IndexerPorts, MirrorStore } from "../src/ports.js";

const WAIT_MS = 120_000;
const observer: IndexerPorts["observer"] = {
  blockApplied: () => undefined,
  factsAnnounced: () => undefined,
  recovered: () => undefined,
  rescanned: () => undefined,
  leading: () => undefined,
};

/** One set of tables, and a way to let an indexer work on it. */
interface Tables {
  readonly database: Database;
  readonly mirror: MirrorStore;
}

class Crash extends Error {}

describe("an indexer that is stopped anywhere", () => {
  let folder: string;
  let postgres: Server;
  let chain: ChainProcess;
  let client: ChainClient;
  let cast: Cast;
  let straight: Tables;
  let broken: Tables;

  beforeAll(async () => {
    folder = await temporaryFolder("restart");
    [postgres, chain] = await Promise.all([
      startPostgres({ dataDir: `${folder}/postgres`, durable: false }),
      startChain(folder),
    ]);
    client = await connect(chain.url);
    cast = await createCast();
    await prepareNetwork(client, cast);
    [straight, broken] = await Promise.all([createTables("straight"), createTables("broken")]);
  });

  afterAll(async () => {
    await client?.close();
    await straight?.database.$disconnect();
    await broken?.database.$disconnect();
    await chain?.process.stop();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function createTables(name: string): Promise<Tables> {
    const url = new URL(postgres.url);
    url.pathname = `/${name}`;
    await migrate(url.href);
    const database = connectDatabase({ url: url.href, poolSize: 3 });
    return { database, mirror: createPrismaMirrorStore({ database, outbox: createOutbox(database, "chain") }) };
  }

  /** Runs until the tables have all that is final now. */
  async function follow(mirror: MirrorStore): Promise<void> {
    const stopping = new AbortController();
    const { number } = await client.reader.finalizedHead();
    const ports = { chain: client.reader, mirror, observer, log: silentLog };
    const following = followChain(ports, { signal: stopping.signal, rescanEveryMs: 3_600_000 });
    const isThere = async () => ((await mirror.cursor())?.number ?? -1) >= number;
    try {
      await Promise.race([following, poll(isThere, WAIT_MS, 5)]);
    } finally {
      stopping.abort();
      await following.catch((error: unknown) => {
        if (!(error instanceof Crash)) throw error;
      });
    }
    expect(await isThere()).toBe(true);
  }

  /** Ends the run at every few commits: before it, after it, or by throwing its transaction away. */
  function crashing(mirror: MirrorStore, random: () => number): { mirror: MirrorStore; crashes: () => number } {
    let crashes = 0;
    const crash = () => {
      crashes += 1;
      throw new Crash();
    };
    return {
      crashes: () => crashes,
      mirror: {
        ...mirror,
        async commit(from, to, effects, options) {
          const fate = random();
          if (fate < 0.2) crash();
          if (fate < 0.4) {
            const poisoned = { ...effects, facts: [...effects.facts, { name: "none" } as never] };
            await mirror.commit(from, to, poisoned, options).catch(crash);
          }
          await mirror.commit(from, to, effects, options);
          if (fate < 0.6) crash();
        },
      },
    };
  }

  async function rowsOf({ database }: Tables) {
    const facts = await database.chainOutbox.findMany({ orderBy: { createdAt: "asc" } });
    const { updatedAt: _, ...cursor } = (await database.cursor.findFirst()) ?? { updatedAt: null };
    return {
      cursor,
      miners: await database.chainMiner.findMany({ orderBy: { account: "asc" } }),
      deals: await database.chainDeal.findMany({ orderBy: { fid: "asc" } }),
      reports: await database.chainReport.findMany({ orderBy: [{ fid: "asc" }, { index: "asc" }] }),
      files: await database.chainFile.findMany({ orderBy: { fid: "asc" } }),
      owners: await database.chainFileOwner.findMany({ orderBy: [{ fid: "asc" }, { account: "asc" }] }),
      territories: await database.chainTerritory.findMany({ orderBy: [{ account: "asc" }, { name: "asc" }] }),
      authorizations: await database.chainAuthorization.findMany({ orderBy: [{ owner: "asc" }, { operator: "asc" }] }),
      facts: facts.map(({ subject, payload }) => `${subject} ${JSON.stringify(payload)}`).sort(),
    };
  }

  /** Small generator of numbers, so that a failure can be repeated. */
  function randomFrom(seed: number): () => number {
    let state = seed;
    return () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
  }

  it("has the same rows, and announced the same facts once, as one that never was", async () => {
    await follow(straight.mirror);
    await follow(broken.mirror);
    const whole = await declare(client, cast, "whole", 2);
    await report(client, cast, whole, [...allColumns].reverse());
    const open = await declare(client, cast, "open");
    await report(client, cast, open, [4, 9]);
    const { calls, writer } = client;
    await writer.signAndFinalize(cast.owner, calls.mintTerritory("second", 1, 30));
    await writer.signAndFinalize(cast.owner, calls.expandTerritory("default", 1));
    await declare(client, cast, "open");
    await report(client, cast, open, [9]);
    const gone = await declare(client, cast, "gone");
    await report(client, cast, gone, allColumns);
    await writer.signAndFinalize(cast.gateway, calls.deleteFile(cast.owner.account, gone));
    await writer.signAndFinalize(cast.owner, calls.cancelAuthorize(cast.gateway.account));

    await follow(straight.mirror);
    const { mirror, crashes } = crashing(broken.mirror, randomFrom(7));
    const head = await client.reader.finalizedHead();
    const isThere = async () => (await broken.mirror.cursor())?.number === head.number;
    for (let run = 0; run < 200 && !(await isThere()); run += 1) {
      await follow(mirror).catch((error: unknown) => {
        if (!(error instanceof Crash)) throw error;
      });
    }
    expect(crashes()).toBeGreaterThan(10);
    const [expected, actual] = [await rowsOf(straight), await rowsOf(broken)];
    expect(actual).toEqual(expected);
    expect(expected.files.map(({ fid }) => fid)).toEqual([whole]);
    expect(expected.deals.map(({ state }) => state).sort()).toEqual(["completed", "completed", "open"]);
    expect(expected.reports).toHaveLength(12 + 12 + 1);
    expect(expected.facts.filter((fact) => fact.includes("file.activated"))).toHaveLength(2);
    expect(expected.facts.filter((fact) => fact.includes("column.reported"))).toHaveLength(12 + 12 + 3);
    expect(expected.authorizations).toEqual([]);
    expect(expected.territories.map(({ name }) => name)).toEqual(["default", "second"]);
    expect(expected.territories[0]?.totalBytes).toBe(11n * 2n ** 30n);
  });

  it("is refused when another replica has moved the cursor meanwhile", async () => {
    const cursor = await straight.mirror.cursor();
    if (cursor === null) throw new Error("no cursor");
    const stale = { ...cursor, number: cursor.number - 1, hash: "0xab" };
    const effects = { deals: [], files: [], goneFiles: [], miners: [], goneMiners: [] };
    const rest = { territories: [], goneTerritories: [], authorizations: [], facts: [] };
    const commit = straight.mirror.commit(stale, cursor, { ...effects, ...rest });
    await expect(commit).rejects.toMatchObject({
      code: "CURSOR_MOVED",
      category: "conflict",
    } satisfies Partial<CodedError>);
    expect(await straight.mirror.cursor()).toEqual(cursor);
  });
});
