import { cp, rm } from "node:fs/promises";
import { type ChainClient, type ChainReader, connectChain, loadSigner } from "@granary/chain-client";
import { events, type MessageOf } from "@granary/contracts";
import type { Fid } from "@granary/primitives";
import { silentLog } from "@granary/telemetry";
import {
  type Cast,
  type ChainProcess,
  connect,
  createCast,
  declare,
  fileOf,
  poll,
  prepareNetwork,
  type Server,
  startChain,
  startPostgres,
  temporaryFolder,
} from "@granary/testnet";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { followChain } from "../src/flow/follow-chain.js";
import { createTables, nobody, type Tables } from "./tables.js";

const WAIT_MS = 180_000;
const BEAT_MS = 100;
const POLL_MS = 50;
const BEHIND_MS = 1_000;
const TEN_MINUTES_MS = 600_000;
const faults = { DEV_CHAIN_SEAL: "manual", DEV_CHAIN_FAULTS: "on" };

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

interface Indexer {
  readonly reader: ChainReader;
  /** Why the tables were made anew; the first time is no such. */
  readonly recovered: string[];
  stop(): Promise<void>;
}

/** The tables of an indexer on the development chain, whose blocks, nodes and finality do what each test asks for. */
describe("the tables tell what is final, once", () => {
  let folder: string;
  let postgres: Server;
  let chain: ChainProcess;
  /** A node ten minutes old, at rest. */
  let stale: ChainProcess;
  let client: ChainClient;
  let cast: Cast;
  let tables: Tables;
  let beat: NodeJS.Timeout | undefined;
  const indexers: Indexer[] = [];

  beforeAll(async () => {
    folder = await temporaryFolder("indexer-faults");
    [postgres, chain] = await Promise.all([
      startPostgres({ dataDir: `${folder}/postgres`, durable: false }),
      startChain(folder, faults),
    ]);
    await chain.ask("dev_shiftClock", -TEN_MINUTES_MS);
    client = await connect(chain.url);
    cast = await createCast(12);
    startBeat();
    await prepareNetwork(client, cast);
    stopBeat();
    tables = await createTables(postgres.url, "tables");
    await cp(chain.dataDir, `${folder}/stale`, { recursive: true });
    stale = await startChain(folder, faults, "stale");
    await chain.ask("dev_shiftClock", 0);
  });
  afterAll(async () => {
    stopBeat();
    await client?.close();
    await tables?.database.$disconnect();
    await Promise.all([chain?.process.stop(), stale?.process.stop(), postgres?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    // Whatever the test before has left.
    await chain.process.start();
    await chain.ask("dev_stallFinality", false);
    await until("the node is there", () => client.isConnected());
    startBeat();
  });
  afterEach(async () => {
    for (const indexer of indexers.splice(0)) await indexer.stop();
  });

  function startBeat(): void {
    // While the node is away no block comes.
    beat ??= setInterval(() => void seal(1).catch(() => undefined), BEAT_MS);
  }
  function stopBeat(): void {
    clearInterval(beat);
    beat = undefined;
  }
  const seal = (count: number) => chain.ask("dev_sealBlocks", count);

  /** As the service runs it: what fails is tried again. */
  async function startIndexer(urls: readonly string[] = [chain.url]): Promise<Indexer> {
    const timing = { pollMs: POLL_MS, behindMs: BEHIND_MS, compareMs: 200, graceMs: 500 };
    const { reader, close } = await connectChain({ urls, log: silentLog, ...timing });
    const recovered: string[] = [];
    const told = (reason: string) => void (reason === "first" || recovered.push(reason));
    const observer = { ...nobody, recovered: told };
    const ports = { chain: reader, mirror: tables.mirror, observer, log: silentLog };
    const stopping = new AbortController();
    const running = (async () => {
      while (!stopping.signal.aborted) {
        await followChain(ports, { signal: stopping.signal, rescanEveryMs: 3_600_000 }).catch(() => undefined);
        await pause(100);
      }
    })();
    const stop = async () => {
      stopping.abort();
      await running;
      await close();
    };
    const indexer = { reader, recovered, stop };
    indexers.push(indexer);
    return indexer;
  }

  async function until(what: string, ask: () => boolean | Promise<boolean>): Promise<void> {
    if (!(await poll(ask, WAIT_MS))) throw new Error(`did not happen in time: ${what}`);
  }

  /** The tables have all that is final now, and stand on a block of the chain. */
  async function caughtUp(): Promise<void> {
    const head = await client.reader.finalizedHead();
    await until(
      "the tables have all that is final",
      async () => ((await tables.mirror.cursor())?.number ?? -1) >= head.number,
    );
    const cursor = await tables.mirror.cursor();
    expect(await client.reader.blockHash(cursor?.number ?? -1)).toBe(cursor?.hash);
  }

  async function factsOf<K extends "columnReported" | "dealRemoved" | "dealDeclared">(name: K, fid: Fid) {
    const rows = await tables.database.chainOutbox.findMany({ where: { subject: events[name].subject } });
    return rows.map(({ payload }) => payload as unknown as MessageOf<K>).filter((fact) => fact.fid === fid);
  }

  const prepared = async (fid: Fid, column: number) => {
    const miner = cast.miners[column - 1] ?? cast.owner;
    const nonce = await client.reader.nonce(miner.account, "best");
    return client.writer.prepare(miner, client.calls.transferReport(column, fid), { nonce });
  };
  const submit = (extrinsicHex: string) => chain.ask("author_submitExtrinsic", extrinsicHex);

  /** A report that is final by the time this returns. */
  async function report(fid: Fid, column: number): Promise<void> {
    const miner = cast.miners[column - 1] ?? cast.owner;
    await client.writer.signAndFinalize(miner, client.calls.transferReport(column, fid));
  }

  const columnsTold = async (fid: Fid) =>
    (await factsOf("columnReported", fid)).map(({ index }) => index).sort((a, b) => a - b);

  const fates = ["again", "later", "never"] as const;
  it("through reorganizations of depth 1 to 10 before finality", async () => {
    await startIndexer();
    const fid = await declare(client, cast, "reorganized");
    const blocks = new Map<number, number>();
    for (let depth = 1; depth <= 10; depth += 1) {
      stopBeat();
      await chain.ask("dev_stallFinality", true);
      const { extrinsicHex, hash } = await prepared(fid, depth);
      await submit(extrinsicHex);
      const { number } = await client.reader.bestHead();
      await seal(depth);
      // Long enough for one that follows the best chain to go wrong.
      await pause(5 * POLL_MS);
      await chain.ask("dev_reorganize", depth, fates[depth % 3]);
      await chain.ask("dev_stallFinality", false);
      startBeat();
      const found = async () => client.writer.findInclusion(hash, number, number + 60);
      if (fates[depth % 3] === "never") {
        // It was in a block that is none any more: nobody may have been told.
        await until(
          "the new blocks are final",
          async () => (await client.reader.finalizedHead()).number > number + depth,
        );
        await caughtUp();
        expect(await columnsTold(fid)).toEqual([...blocks.keys()]);
        await submit(extrinsicHex);
      }
      await until("the report is in a block", async () => (await found()) !== null);
      blocks.set(depth, (await found())?.block.number ?? -1);
      await until("it is final", async () => (await client.reader.finalizedHead()).number >= (blocks.get(depth) ?? 0));
      await caughtUp();
    }
    const told = (await factsOf("columnReported", fid)).map(({ index, block }) => [index, block] as const);
    expect(told.sort(([a], [b]) => a - b)).toEqual([...blocks]);
    const deal = await tables.database.chainDeal.findUnique({ where: { fid }, include: { reports: true } });
    expect(deal?.reports.map(({ index, block }) => [index, Number(block)]).sort(([a = 0], [b = 0]) => a - b)).toEqual([
      ...blocks,
    ]);
  });

  it("when finality stalls: nothing until it is over, then everything", async () => {
    await startIndexer();
    const fid = await declare(client, cast, "stalled");
    await caughtUp();
    await chain.ask("dev_stallFinality", true);
    const { extrinsicHex } = await prepared(fid, 1);
    await submit(extrinsicHex);
    await seal(100);
    await pause(5 * POLL_MS);
    const { number, hash } = await client.reader.finalizedHead();
    await caughtUp();
    expect(await tables.mirror.cursor()).toMatchObject({ number, hash });
    expect(await columnsTold(fid)).toEqual([]);
    await chain.ask("dev_stallFinality", false);
    await until("the report is told", async () => (await columnsTold(fid)).length > 0);
    await caughtUp();
    expect(await columnsTold(fid)).toEqual([1]);
  });

  it("when every subscription goes silent", async () => {
    await startIndexer();
    const fid = await declare(client, cast, "silenced");
    await caughtUp();
    await report(fid, 1);
    await until("blocks are followed", async () => (await columnsTold(fid)).length > 0);
    expect(await chain.ask("dev_silenceSubscriptions")).toBeGreaterThan(0);
    await report(fid, 2);
    await caughtUp();
    expect(await columnsTold(fid)).toEqual([1, 2]);
  });

  it("when the node is killed again and again", async () => {
    const { recovered } = await startIndexer();
    const fid = await declare(client, cast, "killed");
    for (const column of [1, 2, 3]) {
      await report(fid, column);
      await chain.process.kill9();
      await chain.process.start();
      await until("the node is back", () => client.isConnected());
    }
    await caughtUp();
    expect(await columnsTold(fid)).toEqual([1, 2, 3]);
    expect(recovered).toEqual([]);
  });

  it("when the only node that answers is ten minutes old: they wait for the other", async () => {
    const { reader, recovered } = await startIndexer([chain.url, stale.url]);
    const fid = await declare(client, cast, "ten minutes");
    await report(fid, 1);
    await caughtUp();
    const before = await tables.mirror.cursor();
    await chain.process.kill9();
    const old = Number((await stale.ask<{ number: string }>("chain_getHeader")).number);
    await until("the old node is in use", async () =>
      reader.finalizedHead().then(
        ({ number }) => number === old,
        () => false,
      ),
    );
    await pause(4 * BEHIND_MS);
    // Blocks that were on their way when the node was killed may have come.
    expect((await tables.mirror.cursor())?.number).toBeGreaterThanOrEqual(before?.number ?? 0);
    await chain.process.start();
    await until("the old node is left", async () =>
      reader.finalizedHead().then(
        ({ number }) => number > old,
        () => false,
      ),
    );
    await until("the node is back", () => client.isConnected());
    await report(fid, 2);
    await caughtUp();
    expect(await columnsTold(fid)).toEqual([1, 2]);
    expect(await factsOf("dealRemoved", fid)).toEqual([]);
    expect(recovered).toEqual([]);
  });

  it("when the runtime is upgraded in mid-run, with every event of the files' pallet in another place", async () => {
    const { reader, recovered } = await startIndexer();
    const fid = await declare(client, cast, "upgraded");
    await report(fid, 1);
    await caughtUp();
    const { calls, writer } = client;
    // Blocks of both runtimes are final together, and read together.
    await chain.ask("dev_stallFinality", true);
    const code = `0x${Buffer.from("granary development runtime 138").toString("hex")}`;
    const upgrade = calls.sudo(calls.raw("System", "set_storage", [[["0x3a636f6465", code]]]));
    const sudo = await loadSigner("//Alice");
    const { fid: during, segments } = fileOf("with the upgrade");
    const file = { fid: during, segments, owner: sudo.account, name: "during.bin", territory: "upgrade", sizeBytes: 1 };
    // In the block that brings the new runtime, and is itself of the old one.
    const declaration = [calls.mintTerritory("upgrade", 1, 30), calls.uploadDeclaration(file)];
    await writer.signAndInclude(sudo, calls.batch([...declaration, upgrade]));
    await until("it is told", async () => (await client.reader.status()).specVersion === 138);
    await until("calls are made for it", async () =>
      writer.signAndInclude(cast.miners[1] ?? cast.owner, calls.transferReport(2, fid)).then(
        () => true,
        () => false,
      ),
    );
    await chain.ask("dev_stallFinality", false);
    await report(fid, 3);
    const after = await declare(client, cast, "after the upgrade");
    await caughtUp();
    expect(await columnsTold(fid)).toEqual([1, 2, 3]);
    for (const declared of [during, after]) expect(await factsOf("dealDeclared", declared)).toHaveLength(1);
    expect((await reader.status()).specVersion).toBe(138);
    expect(recovered).toEqual([]);
  });

  it("when the chain was set back to an earlier state and goes on from there", async () => {
    const { recovered } = await startIndexer();
    const kept = await declare(client, cast, "before the snapshot");
    await report(kept, 1);
    await caughtUp();
    stopBeat();
    await chain.process.stop();
    await cp(chain.dataDir, `${folder}/snapshot`, { recursive: true });
    await chain.process.start();
    await until("the node is back", () => client.isConnected());
    startBeat();
    const undone = await declare(client, cast, "after the snapshot");
    await report(kept, 2);
    await caughtUp();
    const reached = (await client.reader.finalizedHead()).number;
    stopBeat();
    await chain.process.stop();
    await rm(chain.dataDir, { recursive: true });
    await cp(`${folder}/snapshot`, chain.dataDir, { recursive: true });
    await chain.process.start();
    await until("the node is back", () => client.isConnected());
    await seal(1);
    startBeat();
    await until("the tables are made anew", () => recovered.length > 0);
    await until("it is as far as it was", async () => (await client.reader.finalizedHead()).number > reached);
    await report(kept, 3);
    await caughtUp();
    expect(recovered).toEqual(["history"]);
    expect(await factsOf("dealRemoved", undone)).toHaveLength(1);
    expect(await factsOf("dealRemoved", kept)).toEqual([]);
    const deal = await tables.database.chainDeal.findUnique({ where: { fid: kept }, include: { reports: true } });
    expect(deal?.reports.map(({ index }) => index).sort()).toEqual([1, 3]);
  });
});
