import { blake2AsHex } from "@polkadot/util-crypto";
import { encode, type Hex } from "../engine/codec.js";
import { type Context, ensure, fail } from "../engine/dispatch.js";
import { stored, storedMap, storedMaybe, storedMaybeMap } from "../engine/storage.js";

/** Territories: bought space with a name and a deadline, and the network's totals. Used by StorageHandler and FileBank. */
export type TerritoryState = "Active" | "Frozen" | "Expired" | "OnConsignment";

export interface Territory {
  token: Hex;
  totalSpace: bigint;
  usedSpace: bigint;
  lockedSpace: bigint;
  remainingSpace: bigint;
  start: number;
  deadline: number;
  state: TerritoryState;
}

const pallet = "StorageHandler";
export const oneDay = 14_400;
export const frozenDays = 100_800;
/** Territories that may come to their deadline in one block. */
const frozenLimit = 2000;
export const GiB = 1n << 30n;

export const territories = storedMaybeMap<[Hex, Hex], Territory>(pallet, "Territory");
export const territoryKeys = storedMaybeMap<[Hex], [Hex, Hex]>(pallet, "TerritoryKey");
const freezing = storedMaybeMap<[number, Hex], boolean>(pallet, "TerritoryFrozen");
const freezingCount = storedMap<[number], number>(pallet, "TerritoryFrozenCounter");
export const expiring = storedMaybeMap<[number, Hex], boolean>(pallet, "TerritoryExpired");
export const unitPrice = storedMaybe<bigint>(pallet, "UnitPrice");
export const totalIdle = stored<bigint>(pallet, "TotalIdleSpace");
export const totalService = stored<bigint>(pallet, "TotalServiceSpace");
export const purchased = stored<bigint>(pallet, "PurchasedSpace");

export function territoryOf(context: Context, owner: Hex, name: Hex): Territory {
  return territories.find(context.state, owner, name) ?? fail(pallet, "NotHaveTerritory");
}

export function add(context: Context, total: typeof totalIdle, amount: bigint): void {
  const sum = total.get(context.state) + amount;
  ensure(sum >= 0n, pallet, "Overflow");
  total.put(context.state, sum);
}

/** Takes space of the network for a territory: no more can be sold than miners have and serve. */
export function purchase(context: Context, space: bigint): void {
  const capacity = totalIdle.get(context.state) + totalService.get(context.state);
  ensure(purchased.get(context.state) + space <= capacity, pallet, "InsufficientAvailableSpace");
  add(context, purchased, space);
}

export function scheduleFreeze(context: Context, deadline: number, token: Hex): void {
  const count = freezingCount.get(context.state, deadline) + 1;
  ensure(count <= frozenLimit, pallet, "StateError");
  freezing.put(context.state, deadline, token, true);
  freezingCount.put(context.state, deadline, count);
}

export function unscheduleFreeze(context: Context, deadline: number, token: Hex): void {
  if (!freezing.has(context.state, deadline, token)) return;
  freezing.remove(context.state, deadline, token);
  const count = freezingCount.get(context.state, deadline) - 1;
  if (count > 0) freezingCount.put(context.state, deadline, count);
  else freezingCount.remove(context.state, deadline);
}

/** 32 bytes that nobody could foresee before the parent block. */
export const chance = (context: Context, ...about: Hex[]): Hex =>
  blake2AsHex(encode("(H256, u32, Vec<Vec<u8>>)", [context.parentHash, context.block, about]), 256) as Hex;

export function createTerritory(context: Context, owner: Hex, name: Hex, gibCount: number, days: number): Territory {
  ensure(!territories.has(context.state, owner, name), pallet, "PurchasedSpace");
  const token = chance(context, owner, name);
  ensure(!territoryKeys.has(context.state, token), pallet, "DuplicateTokens");
  const totalSpace = BigInt(gibCount) * GiB;
  purchase(context, totalSpace);
  const deadline = context.block + days * oneDay;
  const territory: Territory = {
    token,
    totalSpace,
    usedSpace: 0n,
    lockedSpace: 0n,
    remainingSpace: totalSpace,
    start: context.block,
    deadline,
    state: "Active",
  };
  territories.put(context.state, owner, name, territory);
  territoryKeys.put(context.state, token, [owner, name]);
  scheduleFreeze(context, deadline, token);
  return territory;
}

/** Locks space for a new deal. Strictly more must remain than is asked for. */
export function lockSpace(context: Context, owner: Hex, name: Hex, space: bigint): void {
  const territory = territoryOf(context, owner, name);
  ensure(territory.state === "Active", pallet, "NotActive");
  ensure(territory.remainingSpace > space, "FileBank", "InsufficientAvailableSpace");
  territory.remainingSpace -= space;
  territory.lockedSpace += space;
  territories.put(context.state, owner, name, territory);
}

/** Takes space at once, for a file that the network has already. Strict as well. */
export function useSpace(context: Context, owner: Hex, name: Hex, space: bigint): void {
  const territory = territoryOf(context, owner, name);
  ensure(territory.state === "Active", pallet, "NotActive");
  ensure(territory.remainingSpace > space, "FileBank", "InsufficientAvailableSpace");
  territory.remainingSpace -= space;
  territory.usedSpace += space;
  territories.put(context.state, owner, name, territory);
}

/** A deal is done: what it locked is used now. */
export function settleLock(context: Context, owner: Hex, name: Hex, space: bigint): void {
  const territory = territoryOf(context, owner, name);
  ensure(territory.lockedSpace >= space, pallet, "Overflow");
  territory.lockedSpace -= space;
  territory.usedSpace += space;
  territories.put(context.state, owner, name, territory);
}

/** A file left the territory. */
export function freeSpace(context: Context, owner: Hex, name: Hex, space: bigint): void {
  const territory = territoryOf(context, owner, name);
  ensure(territory.usedSpace >= space, pallet, "Overflow");
  territory.usedSpace -= space;
  territory.remainingSpace += space;
  territories.put(context.state, owner, name, territory);
}

interface Deadlines {
  readonly frozen: (token: Hex) => void;
  readonly expired: (owner: Hex, name: Hex) => void;
}

/** Deadlines of this block: at its deadline a territory freezes; `frozenDays` later it expires, its space the network's. */
export function passDeadlines(context: Context, { frozen, expired }: Deadlines): void {
  for (const token of freezing.lastParts<Hex>(context.state, context.block)) {
    freezing.remove(context.state, context.block, token);
    withToken(context, token, (territory) => {
      territory.state = "Frozen";
      expiring.put(context.state, context.block + frozenDays, token, true);
      frozen(token);
    });
  }
  if (freezingCount.has(context.state, context.block)) freezingCount.remove(context.state, context.block);
  for (const token of expiring.lastParts<Hex>(context.state, context.block)) {
    expiring.remove(context.state, context.block, token);
    withToken(context, token, (territory, owner, name) => {
      territory.state = "Expired";
      add(context, purchased, -territory.totalSpace);
      expired(owner, name);
    });
  }
}

function withToken(context: Context, token: Hex, apply: (territory: Territory, owner: Hex, name: Hex) => void): void {
  const key = territoryKeys.find(context.state, token);
  const territory = key && territories.find(context.state, ...key);
  if (key === undefined || territory === undefined) return;
  apply(territory, ...key);
  territories.put(context.state, ...key, territory);
}
