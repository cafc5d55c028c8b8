import { rm } from "node:fs/promises";
import type { ChainClient } from "@granary/chain-client";
import { CodedError } from "@granary/primitives";
import {
  allColumns,
  type Cast,
  type ChainProcess,
  connect,
  createCast,
  declare,
  fileOf,
  prepareNetwork,
  report,
  type Server,
  startChain,
  startPostgres,
  temporaryFolder,
} from "@granary/testnet";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createTables, follow, followWithRestarts, pickBlocks, randomFrom, rowsOf, type Tables } from "./tables.js";

const WAIT_MS = 120_000;
const RESTARTS = 50;

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
    [straight, broken] = await Promise.all([
      createTables(postgres.url, "straight"),
      createTables(postgres.url, "broken"),
    ]);
  });

  afterAll(async () => {
    await client?.close();
    await straight?.database.$disconnect();
    await broken?.database.$disconnect();
    await chain?.process.stop();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it(`has the same rows, and announced the same facts once, as one that never was: ${RESTARTS} random blocks`, async () => {
    const { reader, calls, writer } = client;
    expect(await follow(reader, straight.mirror, WAIT_MS)).toBe(true);
    expect(await follow(reader, broken.mirror, WAIT_MS)).toBe(true);
    const first = await reader.finalizedHead();
    const whole = await declare(client, cast, "whole", 2);
    await report(client, cast, whole, [...allColumns].reverse());
    const open = await declare(client, cast, "open");
    await report(client, cast, open, [4, 9]);
    await writer.signAndFinalize(cast.owner, calls.mintTerritory("second", 1, 30));
    await writer.signAndFinalize(cast.owner, calls.expandTerritory("default", 1));
    await declare(client, cast, "open");
    await report(client, cast, open, [9]);
    const gone = await declare(client, cast, "gone");
    await report(client, cast, gone, allColumns);
    await writer.signAndFinalize(cast.gateway, calls.deleteFile(cast.owner.account, gone));
    for (const label of ["third", "fourth"]) await report(client, cast, await declare(client, cast, label), allColumns);
    await writer.signAndFinalize(cast.owner, calls.cancelAuthorize(cast.gateway.account));

    expect(await follow(reader, straight.mirror, WAIT_MS)).toBe(true);
    const random = randomFrom(7);
    const blocks = pickBlocks(RESTARTS, first.number, (await reader.finalizedHead()).number, random);
    await followWithRestarts(reader, broken.mirror, blocks, { random, withinMs: WAIT_MS });
    const [expected, actual] = [await rowsOf(straight), await rowsOf(broken)];
    expect(actual).toEqual(expected);
    expect(expected.files.map(({ fid }) => fid).sort()).toEqual(
      [whole, fileOf("third").fid, fileOf("fourth").fid].sort(),
    );
    expect(expected.deals.map(({ state }) => state).sort()).toEqual([...Array(4).fill("completed"), "open"]);
    expect(expected.reports).toHaveLength(4 * 12 + 1);
    expect(expected.facts.filter((fact) => fact.includes("file.activated"))).toHaveLength(4);
    expect(expected.facts.filter((fact) => fact.includes("column.reported"))).toHaveLength(4 * 12 + 3);
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
