import type { BlockRef, FollowedBlock, Territory } from "@granary/chain-client";
import type { ChainMiner } from "@granary/contracts";
import type { AccountId, Fid } from "@granary/primitives";
import type { Cursor, Effects, Fact, IndexerPorts, TerritoryKey } from "../ports.js";
import { concurrently } from "./concurrently.js";
import { findTouched, type Touched } from "./find-touched.js";
import { type FidVerdict, judgeFid } from "./judge-fid.js";
import { changedMiners } from "./judge-miners.js";

/** Territories change their state by the clock of blocks and no event tells: they are looked after this often. */
const OVERDUE_EVERY_BLOCKS = 10;

/** Blocks that change nothing are committed with the next that does, or when so many have come together. */
const IDLE_BLOCKS = 64;

type Ports = Pick<IndexerPorts, "chain" | "mirror" | "observer">;

/** How far the reading is, and how much of it the tables have: between them lie blocks that change nothing. */
export interface Place {
  readonly reached: Cursor;
  readonly committed: Cursor;
}

/**
 * Needs: `block` is the child of the block that is reached. Does: reads what the block touched in the state after it, and
 * writes rows, facts and the cursor in one transaction. A crash anywhere before the commit leaves nothing; after it, the
 * block is done and is not seen again. A block that changes nothing waits for the next commit, unless it is the newest:
 * while there are more to read, a commit for each of them would be most of the work.
 */
export async function applyBlock(ports: Ports, place: Place, block: FollowedBlock): Promise<Place> {
  const effects = await effectsOf(ports, block);
  const reached = { genesisHash: place.reached.genesisHash, number: block.number, hash: block.hash };
  const canWait = block.number < block.headNumber && block.number - place.committed.number < IDLE_BLOCKS;
  const isCommitted = !(isIdle(effects) && canWait);
  if (isCommitted) await ports.mirror.commit(place.committed, reached, effects);
  ports.observer.blockApplied(block);
  ports.observer.factsAnnounced(effects.facts);
  return { reached, committed: isCommitted ? reached : place.committed };
}

const isIdle = (effects: Effects): boolean => Object.values(effects).every((entries) => entries.length === 0);

async function effectsOf(ports: Ports, block: FollowedBlock): Promise<Effects> {
  const touched = findTouched(block.events);
  const verdicts = await judgeFids(ports, touched, block);
  const [miners, territories, authorizations] = await Promise.all([
    readMiners(ports, touched, block),
    readTerritories(ports, touched, verdicts, block),
    concurrently([...touched.owners], async (owner) => ({
      owner,
      operators: await ports.chain.authorizations(owner, block.hash),
    })),
  ]);
  return {
    ...fidEffects(verdicts),
    ...miners,
    ...territories,
    authorizations,
    facts: [...verdicts.flatMap(([, verdict]) => verdict.facts), ...miners.facts],
  };
}

type Judged = readonly (readonly [Fid, FidVerdict])[];

async function judgeFids({ chain, mirror }: Ports, touched: Touched, block: BlockRef): Promise<Judged> {
  const fids = [...touched.fids.keys()];
  const known = await mirror.deals(fids);
  return concurrently(fids, async (fid) => {
    const [deal, file] = await Promise.all([chain.deal(fid, block.hash), chain.file(fid, block.hash)]);
    const change = touched.fids.get(fid) ?? { declared: [], isCompleted: false, deleted: [] };
    return [fid, judgeFid({ fid, block, ...change, before: known.get(fid) ?? null, live: { deal, file } })] as const;
  });
}

export const fidEffects = (verdicts: Judged): Pick<Effects, "deals" | "files" | "goneFiles"> => ({
  deals: verdicts.flatMap(([, { deal }]) => (deal === null ? [] : [deal])),
  files: verdicts.flatMap(([, { file }]) => (file === null ? [] : [file])),
  goneFiles: verdicts.flatMap(([fid, { file }]) => (file === null ? [fid] : [])),
});

async function readMiners(
  { chain, mirror }: Ports,
  touched: Touched,
  block: BlockRef,
): Promise<{ miners: readonly ChainMiner[]; goneMiners: readonly AccountId[]; facts: readonly Fact[] }> {
  if (touched.miners.size === 0) return { miners: [], goneMiners: [], facts: [] };
  const accounts = [...touched.miners];
  const [live, known] = await Promise.all([chain.minersOf(accounts, block.hash), mirror.minersOf(accounts)]);
  return changedMiners(known, live, block.number);
}

/** Territories that were named by an event, that a touched deal or file lies in, or whose time is over. */
async function readTerritories(
  { chain, mirror }: Ports,
  touched: Touched,
  verdicts: Judged,
  block: BlockRef,
): Promise<{ territories: readonly Territory[]; goneTerritories: readonly TerritoryKey[] }> {
  const keys = new Map<string, TerritoryKey>();
  const add = ({ account, name }: TerritoryKey) => keys.set(`${account} ${name}`, { account, name });
  const named = await Promise.all([
    concurrently([...touched.tokens], (token) => chain.territoryOfToken(token, block.hash)),
    concurrently([...touched.orders], (order) => chain.territoryOfOrder(order, block.hash)),
  ]);
  for (const territory of named.flat()) if (territory !== null) add(territory);
  // Whoever had it before the event, who may have it no more.
  if (touched.tokens.size > 0) (await mirror.territoriesOfTokens([...touched.tokens])).forEach(add);
  if (touched.territoryNames.size > 0) (await mirror.territoriesNamed([...touched.territoryNames])).forEach(add);
  for (const [, { deal, file }] of verdicts) {
    for (const owner of [...(deal === null ? [] : [deal.owner]), ...(file?.owners ?? [])]) {
      add({ account: owner.account, name: owner.territory });
    }
  }
  if (block.number % OVERDUE_EVERY_BLOCKS === 0) (await mirror.territoriesOverdue(block.number)).forEach(add);
  const found = await concurrently([...keys.values()], async (key) => ({
    key,
    territory: await chain.territory(key.account, key.name, block.hash),
  }));
  return {
    territories: found.flatMap(({ territory }) => (territory === null ? [] : [territory])),
    goneTerritories: found.flatMap(({ key, territory }) => (territory === null ? [key] : [])),
  };
}
