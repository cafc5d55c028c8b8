import type { BlockRef, Miner, Territory } from "@granary/chain-client";
import type { AccountId, Fid } from "@granary/primitives";
import type { Authorizations, Cursor, Effects, Fact, IndexerPorts, KnownDeal, TerritoryKey } from "../ports.js";
import { fidEffects } from "./apply-block.js";
import { concurrently } from "./concurrently.js";
import { type FidChange, judgeFid } from "./judge-fid.js";
import { changedMiners } from "./judge-miners.js";

type Ports = Pick<IndexerPorts, "chain" | "mirror" | "observer">;

export interface SnapshotScope {
  /** "rescan": events since the last look are not missing; then open deals that are known are not read again. */
  readonly kind: "whole" | "rescan";
  /** The tables are of another chain: their files say nothing about this one. */
  readonly clear: boolean;
}

/**
 * Needs: `at` is finalized. Does: reads the state of that block (nothing is replayed), compares it with the tables, and
 * writes the differences, the facts that follow from them, and the cursor, in one transaction. So the tables are right
 * after a first start, after blocks that no node has any more, and against what changes without an event. A crash before
 * the commit leaves the tables as they were.
 */
export async function takeSnapshot(
  { chain, mirror, observer }: Ports,
  from: Cursor | null,
  at: Cursor,
  scope: SnapshotScope,
): Promise<Cursor> {
  const miners = await compareMiners({ chain, mirror }, at, scope);
  const territories = await compareTerritories({ chain, mirror }, at, scope);
  const authorizations = await compareAuthorizations({ chain, mirror }, at, scope);
  const fids = await compareFids({ chain, mirror }, at, scope);
  const effects: Effects = {
    ...miners,
    ...territories,
    authorizations,
    ...fids.effects,
    facts: [...miners.facts, ...fids.facts],
  };
  await mirror.commit(from, at, effects, { clear: scope.clear });
  observer.factsAnnounced(effects.facts);
  return at;
}

type Reads = Pick<IndexerPorts, "chain" | "mirror">;

async function compareMiners({ chain, mirror }: Reads, at: BlockRef, { clear }: SnapshotScope) {
  const live = new Map<AccountId, Miner>();
  for await (const page of chain.miners(at.hash)) for (const miner of page) live.set(miner.account, miner);
  const changes = changedMiners(await mirror.allMiners(), live, at.number);
  return clear ? { ...changes, miners: changedMiners(new Map(), live, at.number).miners } : changes;
}

const keyOf = ({ account, name }: TerritoryKey): string => `${account} ${name}`;

async function compareTerritories(
  { chain, mirror }: Reads,
  at: BlockRef,
  { clear }: SnapshotScope,
): Promise<{ territories: readonly Territory[]; goneTerritories: readonly TerritoryKey[] }> {
  const live = new Map<string, Territory>();
  for await (const page of chain.allTerritories(at.hash)) for (const one of page) live.set(keyOf(one), one);
  const known = new Map((clear ? [] : await mirror.allTerritories()).map((territory) => [keyOf(territory), territory]));
  const isSame = (one: Territory) => JSON.stringify(known.get(keyOf(one)), fields) === JSON.stringify(one, fields);
  return {
    territories: [...live.values()].filter((one) => !isSame(one)),
    goneTerritories: [...known.values()].filter((one) => !live.has(keyOf(one))),
  };
}

/** The fields that make two territories the same, in one order. */
const fields = [
  "account",
  "name",
  "token",
  "state",
  "totalBytes",
  "usedBytes",
  "lockedBytes",
  "remainingBytes",
  "startBlock",
  "deadlineBlock",
];

async function compareAuthorizations(
  { chain, mirror }: Reads,
  at: BlockRef,
  { clear }: SnapshotScope,
): Promise<readonly Authorizations[]> {
  const known = new Map(
    (clear ? [] : await mirror.allAuthorizations()).map(({ owner, operators }) => [owner, operators]),
  );
  const changed: Authorizations[] = [];
  for await (const page of chain.allAuthorizations(at.hash)) {
    for (const { owner, operators } of page) {
      const before = known.get(owner) ?? [];
      known.delete(owner);
      const isSame = before.length === operators.length && operators.every((operator) => before.includes(operator));
      if (!isSame) changed.push({ owner, operators });
    }
  }
  return [...changed, ...[...known.keys()].map((owner) => ({ owner, operators: [] }))];
}

/** Open deals of chain and tables, and files whose owners may have lost them without an event. */
async function compareFids({ chain, mirror }: Reads, at: BlockRef, { kind, clear }: SnapshotScope) {
  const live = new Set<Fid>();
  for await (const page of chain.openDeals(at.hash)) for (const fid of page) live.add(fid);
  const knownOpen = await mirror.openDealFids();
  const vanished = knownOpen.filter((fid) => !live.has(fid));
  const isKnown = new Set(knownOpen);
  const toRead = kind === "rescan" ? [...live].filter((fid) => !isKnown.has(fid)) : [...live];
  const lost = clear ? new Map<Fid, AccountId[]>() : await lostFiles({ chain, mirror }, at);
  const fids = [...new Set([...toRead, ...vanished, ...lost.keys()])];
  const before = clear ? await onlyOpen(mirror, fids) : await mirror.deals(fids);
  const verdicts = await concurrently(fids, async (fid) => {
    const [deal, file] = await Promise.all([chain.deal(fid, at.hash), chain.file(fid, at.hash)]);
    const change: FidChange = {
      fid,
      block: at,
      declared: [],
      isCompleted: false,
      deleted: lost.get(fid) ?? [],
      before: before.get(fid) ?? null,
      live: { deal, file },
    };
    return [fid, judgeFid(change)] as const;
  });
  const facts: readonly Fact[] = verdicts.flatMap(([, verdict]) => verdict.facts);
  return { effects: fidEffects(verdicts), facts };
}

/** Of another chain only this is of interest: what somebody still waits for. */
async function onlyOpen(mirror: IndexerPorts["mirror"], fids: readonly Fid[]): Promise<ReadonlyMap<Fid, KnownDeal>> {
  return new Map([...(await mirror.deals(fids))].filter(([, deal]) => deal.state === "open"));
}

/** Purged territories and deletions by root leave no event: what owners hold is compared with the tables. */
async function lostFiles({ chain, mirror }: Reads, at: BlockRef): Promise<Map<Fid, AccountId[]>> {
  const lost = new Map<Fid, AccountId[]>();
  const owners = [...(await mirror.fileOwners())];
  await concurrently(owners, async ([account, entries]) => {
    const held = new Set((await chain.holdings(account, at.hash)).map(({ fid, territory }) => `${fid} ${territory}`));
    for (const { fid, territory } of entries) {
      if (held.has(`${fid} ${territory}`)) continue;
      const accounts = lost.get(fid) ?? [];
      if (!accounts.includes(account)) lost.set(fid, [...accounts, account]);
    }
  });
  return lost;
}
