import type { ChainReader } from "@granary/chain-client";
import { connectDatabase, createOutbox, type Database, migrate } from "@granary/database";
import { silentLog } from "@granary/telemetry";
import { poll } from "@granary/testnet";
import { createPrismaMirrorStore } from "../src/adapters/prisma-mirror-store.js";
import { followChain } from "../src/flow/follow-chain.js";
import type { MirrorStore, Observer } from "../src/ports.js";

export const nobody: Observer = {
  blockApplied: () => undefined,
  factsAnnounced: () => undefined,
  recovered: () => undefined,
  rescanned: () => undefined,
  leading: () => undefined,
};

/** One set of tables, and a way to let an indexer work on it. */
export interface Tables {
  readonly database: Database;
  readonly mirror: MirrorStore;
}

export async function createTables(postgresUrl: string, name: string): Promise<Tables> {
  const url = new URL(postgresUrl);
  url.pathname = `/${name}`;
  await migrate(url.href);
  const database = connectDatabase({ url: url.href, poolSize: 3 });
  return { database, mirror: createPrismaMirrorStore({ database, outbox: createOutbox(database, "chain") }) };
}

/** Every row, and every fact in whatever order: what two runs over the same blocks must have alike. */
export async function rowsOf({ database }: Tables) {
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

class Crash extends Error {}

/** Runs until the tables have all that is final now, or the run crashes. @returns whether they have */
export async function follow(
  chain: ChainReader,
  mirror: MirrorStore,
  withinMs: number,
  observer: Observer = nobody,
): Promise<boolean> {
  const stopping = new AbortController();
  const { number } = await chain.finalizedHead();
  const ports = { chain, mirror, observer, log: silentLog };
  const following = followChain(ports, { signal: stopping.signal, rescanEveryMs: 3_600_000 });
  const isThere = async () => ((await mirror.cursor())?.number ?? -1) >= number;
  const isCrash = (error: unknown) => {
    if (!(error instanceof Crash)) throw error;
  };
  try {
    await Promise.race([following.catch(isCrash), poll(isThere, withinMs, 5)]);
  } finally {
    stopping.abort();
    await following.catch(isCrash);
  }
  return isThere();
}

/** Small generator of numbers, so that a failure can be repeated. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** So many different blocks out of those after `first` up to `last`. */
export function pickBlocks(count: number, first: number, last: number, random: () => number): Set<number> {
  if (last - first < count) throw new RangeError(`${last - first} blocks are fewer than ${count}`);
  const picked = new Set<number>();
  while (picked.size < count) picked.add(first + 1 + Math.floor(random() * (last - first)));
  return picked;
}

/** Ends the run once at each of the blocks: before its commit, in it, or after it; after it also where it has none. */
export function crashingAt(mirror: MirrorStore, blocks: ReadonlySet<number>, random: () => number) {
  const left = new Set(blocks);
  const crash = (number: number): never => {
    left.delete(number);
    throw new Crash();
  };
  const crashing: MirrorStore = {
    ...mirror,
    async commit(from, to, effects, options) {
      const fate = left.has(to.number) ? random() : 1;
      if (fate < 1 / 3) crash(to.number);
      if (fate < 2 / 3) {
        const poisoned = { ...effects, facts: [...effects.facts, { name: "none" } as never] };
        await mirror.commit(from, to, poisoned, options).catch(() => crash(to.number));
      }
      await mirror.commit(from, to, effects, options);
    },
  };
  const observer: Observer = {
    ...nobody,
    blockApplied({ number }) {
      if (left.has(number)) crash(number);
    },
  };
  return { mirror: crashing, observer, crashesLeft: () => left.size };
}

/** Follows with a crash at each of the blocks, and anew after each. @returns the number of restarts */
export async function followWithRestarts(
  chain: ChainReader,
  mirror: MirrorStore,
  blocks: ReadonlySet<number>,
  { random, withinMs }: { readonly random: () => number; readonly withinMs: number },
): Promise<number> {
  const crashing = crashingAt(mirror, blocks, random);
  let restarts = 0;
  while (!(await follow(chain, crashing.mirror, withinMs, crashing.observer))) {
    restarts += 1;
    if (restarts > blocks.size) throw new Error("it did not go on after a restart");
  }
  if (crashing.crashesLeft() > 0) throw new Error(`${crashing.crashesLeft()} crashes did not happen`);
  return restarts;
}
