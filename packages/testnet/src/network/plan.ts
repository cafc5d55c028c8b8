import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { areFree, freePort, freePorts, isFree, keepPorts } from "../server/free-port.js";

/** Everything of the network that listens. */
export const listeners = [
  "postgres",
  "nats",
  "redis",
  "dev-chain",
  "storage-miners",
  "chain-indexer",
  "preprocessor",
  "scheduler",
  "retrieval",
  "ingest-gateway",
] as const;
export type Listener = (typeof listeners)[number];

/** What a network keeps from one start to the next, so that addresses stay what users and the chain have noted. */
export interface NetworkPlan {
  readonly ports: Readonly<Record<Listener, number>>;
  /** First of as many consecutive ports as there are miners. */
  readonly minerPortBase: number;
  readonly minerCount: number;
}

/** Ports that people know; taken when free. */
const wellKnown: Partial<Record<Listener, number>> = { "ingest-gateway": 8080, "dev-chain": 9944 };

const fileOf = (dir: string) => join(dir, "plan.json");

/** The plan of a folder's network: what it had before, with new ports only where others have taken the old ones. */
export async function planNetwork(
  dir: string,
  options: { minerCount: number; wellKnownPorts: boolean },
): Promise<NetworkPlan> {
  const before = await readFile(fileOf(dir), "utf8").then(
    (text) => JSON.parse(text) as NetworkPlan,
    () => undefined,
  );
  // Whoever gets a new port gets none of those that others keep.
  if (before !== undefined) {
    for (const port of Object.values(before.ports)) keepPorts(port);
    keepPorts(before.minerPortBase, Math.max(before.minerCount, options.minerCount));
  }
  const ports = {} as Record<Listener, number>;
  for (const listener of listeners) {
    const wishes = [before?.ports[listener], options.wellKnownPorts ? wellKnown[listener] : undefined];
    ports[listener] = await firstFree(wishes);
  }
  const plan: NetworkPlan = {
    ports,
    minerCount: options.minerCount,
    minerPortBase: await minerPorts(options.minerCount, before?.minerPortBase, Object.values(ports)),
  };
  await writeFile(`${fileOf(dir)}.new`, JSON.stringify(plan, null, 2));
  await rename(`${fileOf(dir)}.new`, fileOf(dir));
  return plan;
}

async function firstFree(wishes: readonly (number | undefined)[]): Promise<number> {
  for (const wish of wishes) if (wish !== undefined && (await isFree(wish))) return wish;
  return freePort();
}

async function minerPorts(count: number, before: number | undefined, others: readonly number[]): Promise<number> {
  if (before !== undefined) {
    const isApart = others.every((port) => port < before || port >= before + count);
    if (isApart && (await areFree(before, count))) return before;
  }
  return freePorts(count);
}
