import type { Hex } from "../engine/codec.js";
import { type Context, ensure, fail } from "../engine/dispatch.js";
import { stored, storedMap, storedMaybeMap } from "../engine/storage.js";
import { dropLockedSpace, dropServiceSpace, fragmentBytes, miners, unlockMinerSpace } from "./miner.js";
import { hasLeft, noteRestored } from "./miner-exit.js";
import { add, freeSpace, totalService } from "./territory.js";

/** Deals, files and who holds them; how a file leaves the chain. */
export interface UserBrief {
  readonly user: Hex;
  readonly fileName: Hex;
  readonly territoryName: Hex;
}
export interface SegmentList {
  readonly hash: Hex;
  readonly fragmentList: readonly Hex[];
}
export interface Deal {
  readonly fileSize: bigint;
  readonly segmentList: readonly SegmentList[];
  readonly user: UserBrief;
  readonly completeList: readonly { readonly index: number; readonly miner: Hex }[];
}
export interface Fragment {
  hash: Hex;
  avail: boolean;
  tag: number | null;
  miner: Hex;
}
export interface StoredFile {
  segmentList: { hash: Hex; fragmentList: Fragment[] }[];
  owner: UserBrief[];
  fileSize: bigint;
  completion: number;
  stat: "Active" | "Calculate" | "Missing" | "Recovery";
}
interface Holding {
  readonly territoryName: Hex;
  readonly fileHash: Hex;
  /** Occupied space, not the file's size. */
  readonly fileSize: bigint;
}

export const pallet = "FileBank";
export const fragmentCount = 12;
/** Space that a column of so many segments takes of its miner. */
export const columnBytes = (segments: number): bigint => fragmentBytes * BigInt(segments);
/** Space that so many segments take of a territory: three times the data. */
export const occupiedBytes = (segments: number): bigint => columnBytes(segments) * BigInt(fragmentCount);

export const deals = storedMaybeMap<[Hex], Deal>(pallet, "DealMap");
export const files = storedMaybeMap<[Hex], StoredFile>(pallet, "File");
export const holdings = storedMap<[Hex], Holding[]>(pallet, "UserHoldFileList");
const clearing = stored<[Hex, Hex][]>(pallet, "ClearUserList");

export const fileOf = (context: Context, hash: Hex): StoredFile =>
  files.find(context.state, hash) ?? fail(pallet, "NonExistent");

export function hold(context: Context, user: Hex, holding: Holding): void {
  holdings.put(context.state, user, [...holdings.get(context.state, user), holding]);
}

function unhold(context: Context, user: Hex, leaves: (holding: Holding) => boolean): void {
  const rest = holdings.get(context.state, user).filter((holding) => !leaves(holding));
  if (rest.length === 0) holdings.remove(context.state, user);
  else holdings.put(context.state, user, rest);
}

/**
 * Takes a file from its owner, and from the chain where nobody else owns it. An owner who holds it in two territories
 * loses both, and then the file stays without an owner: the real chain's flaw, kept.
 */
export function deleteFile(context: Context, owner: Hex, hash: Hex): void {
  const file = fileOf(context, hash);
  const entries = file.owner.filter(({ user }) => user === owner);
  ensure(entries.length > 0, pallet, "NotOwner");
  const space = occupiedBytes(file.segmentList.length);
  for (const { territoryName } of entries) freeSpace(context, owner, territoryName, space);
  unhold(context, owner, ({ fileHash }) => fileHash === hash);
  if (file.owner.length === 1) removeFile(context, hash, file);
  else files.put(context.state, hash, { ...file, owner: file.owner.filter(({ user }) => user !== owner) });
}

function removeFile(context: Context, hash: Hex, file: StoredFile): void {
  const fragments = file.segmentList.flatMap(({ fragmentList }) => fragmentList);
  for (const miner of new Set(fragments.map((fragment) => fragment.miner))) {
    releaseFragments(
      context,
      miner,
      fragments.filter((fragment) => fragment.miner === miner),
    );
  }
  add(context, totalService, -occupiedBytes(file.segmentList.length));
  files.remove(context.state, hash);
}

/** What a miner held of the file. One that left has that much less to be restored. */
function releaseFragments(context: Context, account: Hex, fragments: readonly Fragment[]): void {
  if (hasLeft(context, account)) {
    noteRestored(context, account, BigInt(fragments.length) * fragmentBytes);
    return;
  }
  const miner = miners.find(context.state, account);
  if (miner === undefined) return;
  const served = fragments.filter(({ tag }) => tag !== null).map((fragment) => fragment.hash);
  const lockedSpace = BigInt(fragments.length - served.length) * fragmentBytes;
  // A miner that came back holds nothing of the time before.
  if (miner.serviceSpace >= BigInt(served.length) * fragmentBytes) dropServiceSpace(context, account, served);
  if (miner.lockSpace >= lockedSpace) dropLockedSpace(context, account, lockedSpace);
}

/** The deal will not become a file: its miners have their space back. What its territory locked stays locked. */
export function dropDeal(context: Context, hash: Hex, deal: Deal): void {
  const space = columnBytes(deal.segmentList.length);
  for (const { miner } of deal.completeList) {
    if (miners.has(context.state, miner)) unlockMinerSpace(context, miner, space);
  }
  deals.remove(context.state, hash);
}

export function queueClearing(context: Context, owner: Hex, territoryName: Hex): void {
  clearing.put(context.state, [...clearing.get(context.state), [owner, territoryName]]);
}

/** Files of expired territories that one block removes at most. */
const clearedPerBlock = 300;

/** Removes files of expired territories, oldest expiry first, some in every block until none is left. */
export function clearExpired(context: Context): void {
  const queue = clearing.get(context.state);
  if (queue.length === 0) return;
  let budget = clearedPerBlock;
  const rest: [Hex, Hex][] = [];
  for (const [owner, territoryName] of queue) {
    const here = holdings.get(context.state, owner).filter((holding) => holding.territoryName === territoryName);
    const now = here.slice(0, budget);
    budget -= now.length;
    for (const { fileHash } of now) clearFile(context, owner, territoryName, fileHash);
    if (now.length < here.length) rest.push([owner, territoryName]);
  }
  clearing.put(context.state, rest);
}

function clearFile(context: Context, owner: Hex, territoryName: Hex, hash: Hex): void {
  unhold(context, owner, (holding) => holding.fileHash === hash && holding.territoryName === territoryName);
  const file = files.find(context.state, hash);
  if (file === undefined) return;
  const others = file.owner.filter((entry) => entry.user !== owner || entry.territoryName !== territoryName);
  if (others.length === 0) removeFile(context, hash, file);
  else files.put(context.state, hash, { ...file, owner: others });
}
