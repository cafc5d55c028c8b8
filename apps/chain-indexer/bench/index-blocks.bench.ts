import { rm } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { defineBench, wallMs } from "@granary/bench";
import type { ChainReader } from "@granary/chain-client";
import { connect, createCast, prepareNetwork, startChain, startPostgres, temporaryFolder } from "@granary/testnet";
import {
  createTables,
  follow,
  followWithRestarts,
  pickBlocks,
  randomFrom,
  rowsOf,
  type Tables,
} from "../test/tables.js";
import { BLOCKS, fillChain } from "./fill-chain.js";

const RESTARTS = 50;
const HOUR_MS = 3_600_000;

async function eventsAfter(chain: ChainReader, after: { number: number; hash: string }): Promise<number> {
  const head = await chain.finalizedHead();
  let count = 0;
  for await (const block of chain.followFinalized({ after, signal: new AbortController().signal })) {
    count += block.events.length;
    if (block.number >= head.number) break;
  }
  return count;
}

/** Tables that have everything up to now, by a snapshot. */
async function preparedTables(postgresUrl: string, name: string, chain: ChainReader): Promise<Tables> {
  const tables = await createTables(postgresUrl, name);
  if (!(await follow(chain, tables.mirror, HOUR_MS))) throw new Error("no snapshot was taken");
  return tables;
}

export default defineBench({
  names: ["indexer.blocks", "indexer.events", "indexer.blocks-with-restarts"],
  about: `${BLOCKS} blocks of orders and reports into the tables: one run, and one restarted at ${RESTARTS} random blocks`,
  async run({ record, say }) {
    const folder = await temporaryFolder("index-blocks");
    const postgres = await startPostgres({ dataDir: `${folder}/postgres` });
    const node = await startChain(folder, { DEV_CHAIN_FAULTS: "on" });
    const client = await connect(node.url);
    const chain = client.reader;
    const opened: Tables[] = [];
    try {
      const cast = await createCast();
      await prepareNetwork(client, cast);
      for (const name of ["straight", "restarted"]) opened.push(await preparedTables(postgres.url, name, chain));
      const [straight, restarted] = opened as [Tables, Tables];
      const before = await chain.finalizedHead();
      await fillChain(node, client, cast);
      const last = (await chain.finalizedHead()).number;
      const blocks = last - before.number;
      const events = await eventsAfter(chain, before);
      say(`${blocks} blocks with ${events} events`);

      const ms = await wallMs(() => follow(chain, straight.mirror, HOUR_MS));
      record("indexer.blocks", "blocks/s", [(blocks / ms) * 1000]);
      record("indexer.events", "events/s", [(events / ms) * 1000]);

      const random = randomFrom(7);
      const crashes = pickBlocks(RESTARTS, before.number, last, random);
      const options = { random, withinMs: HOUR_MS };
      const restartedMs = await wallMs(() => followWithRestarts(chain, restarted.mirror, crashes, options));
      record("indexer.blocks-with-restarts", "blocks/s", [(blocks / restartedMs) * 1000]);
      const [expected, actual] = [await rowsOf(straight), await rowsOf(restarted)];
      if (!isDeepStrictEqual(actual, expected)) throw new Error("the tables differ from those of one straight run");
      say(`${expected.facts.length} facts and ${expected.reports.length} reports, the same in both`);
    } finally {
      for (const { database } of opened) await database.$disconnect();
      await client.close();
      await node.process.stop();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
});
