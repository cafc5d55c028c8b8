import type { Hex } from "../engine/codec.js";
import { hexText, textHex } from "../engine/codec.js";
import { type Context, ensure, fail } from "../engine/dispatch.js";
import { stored, storedMap, storedMaybeMap } from "../engine/storage.js";
import { TCESS } from "../shape/version.js";
import { add, totalIdle } from "./territory.js";

/** Miners and their space. Used by Sminer and FileBank. */
export interface SpaceProofInfo {
  readonly miner: Hex;
  readonly front: bigint;
  readonly rear: bigint;
  readonly poisKey: { readonly g: Hex; readonly n: Hex };
  readonly accumulator: Hex;
}

export interface Miner {
  beneficiary: Hex;
  stakingAccount: Hex;
  endpoint: Hex;
  collaterals: bigint;
  debt: bigint;
  /** Text; see `minerStates`. */
  state: Hex;
  declarationSpace: bigint;
  idleSpace: bigint;
  serviceSpace: bigint;
  lockSpace: bigint;
  spaceProofInfo: SpaceProofInfo | null;
  serviceBloomFilter: bigint[];
  teeSignature: Hex;
}

export const minerStates = ["not ready", "positive", "frozen", "exit", "lock", "offline"] as const;
export type MinerState = (typeof minerStates)[number];

const pallet = "Sminer";
export const TiB = 1n << 40n;
/** Collateral for each declared TiB. */
export const stakePerTib = 4000n * TCESS;
/** The stake that so much space takes, begun TiB counted whole. */
export const stakeFor = (space: bigint): bigint => ((space + TiB - 1n) / TiB) * stakePerTib;
/** One unit of certified idle space. */
export const idleUnitBytes = 64n << 20n;
export const fragmentBytes = 8n << 20n;

export const miners = storedMaybeMap<[Hex], Miner>(pallet, "MinerItems");
export const minerCount = stored<number>(pallet, "CounterForMinerItems");
export const allMiners = stored<Hex[]>(pallet, "AllMiner");
/** Since when a miner's stake has stood as it is. */
export const stakingStart = storedMaybeMap<[Hex], number>(pallet, "StakingStartBlock");
export const pendingReplacements = storedMap<[Hex], bigint>(pallet, "PendingReplacements");

export const minerOf = (context: Context, account: Hex): Miner =>
  miners.find(context.state, account) ?? fail(pallet, "NotMiner");

export const stateOf = (miner: Miner): MinerState => hexText(miner.state) as MinerState;

export function setState(context: Context, account: Hex, miner: Miner, state: MinerState): void {
  miners.put(context.state, account, { ...miner, state: textHex(state) });
}

export function emptyMiner(beneficiary: Hex, stakingAccount: Hex, endpoint: Hex): Miner {
  return {
    beneficiary,
    stakingAccount,
    endpoint,
    collaterals: 0n,
    debt: 0n,
    state: textHex("not ready"),
    declarationSpace: 0n,
    idleSpace: 0n,
    serviceSpace: 0n,
    lockSpace: 0n,
    spaceProofInfo: null,
    serviceBloomFilter: Array.from({ length: 256 }, () => 0n),
    teeSignature: `0x${"00".repeat(64)}`,
  };
}

/** The chain stores exactly 64 bytes of signature, whatever was sent. */
export const signature64 = (signature: Hex): Hex => `0x${signature.slice(2).padEnd(128, "0")}`;

/** Takes idle space for a column of a deal. */
export function lockMinerSpace(context: Context, account: Hex, space: bigint): void {
  const miner = minerOf(context, account);
  ensure(miner.idleSpace >= space, pallet, "Overflow");
  miner.idleSpace -= space;
  miner.lockSpace += space;
  miners.put(context.state, account, miner);
}

/** The deal came to nothing: idle again. */
export function unlockMinerSpace(context: Context, account: Hex, space: bigint): void {
  const miner = minerOf(context, account);
  ensure(miner.lockSpace >= space, pallet, "Overflow");
  miner.lockSpace -= space;
  miner.idleSpace += space;
  miners.put(context.state, account, miner);
}

/** A file was deleted before the miner's tags. As with served space, what is free now is idle only by certificate. */
export function dropLockedSpace(context: Context, account: Hex, space: bigint): void {
  const miner = minerOf(context, account);
  ensure(miner.lockSpace >= space, pallet, "Overflow");
  miner.lockSpace -= space;
  miners.put(context.state, account, miner);
}

/** The fragments are tagged: the locked space serves. */
export function serveMinerSpace(context: Context, account: Hex, fragments: readonly Hex[]): void {
  const miner = minerOf(context, account);
  const space = BigInt(fragments.length) * fragmentBytes;
  ensure(miner.lockSpace >= space, pallet, "Overflow");
  miner.lockSpace -= space;
  miner.serviceSpace += space;
  for (const fragment of fragments) countBits(miner.serviceBloomFilter, fragment, 1n);
  miners.put(context.state, account, miner);
}

/** A miner's filter counts, for each bit of a fragment's hash, how many of its served fragments have it. */
export function countBits(filter: bigint[], fragment: Hex, by: 1n | -1n): void {
  const digits = hexText(fragment);
  ensure(/^[0-9a-f]{64}$/.test(digits), "FileBank", "BugInvalid");
  for (const [place, digit] of [...digits].entries()) {
    const nibble = Number.parseInt(digit, 16);
    for (let bit = 0; bit < 4; bit += 1) {
      if ((nibble >> (3 - bit)) & 1) filter[place * 4 + bit]! += by;
    }
  }
}

/** A served file was deleted. The space is not idle again before the miner certifies it anew. */
export function dropServiceSpace(context: Context, account: Hex, fragments: readonly Hex[]): void {
  const miner = minerOf(context, account);
  const space = BigInt(fragments.length) * fragmentBytes;
  ensure(miner.serviceSpace >= space, pallet, "Overflow");
  miner.serviceSpace -= space;
  for (const fragment of fragments) countBits(miner.serviceBloomFilter, fragment, -1n);
  miners.put(context.state, account, miner);
}

/** Adds the units between the last certificate's end and this one's. @returns the added bytes */
export function certifyIdleSpace(context: Context, account: Hex, proof: SpaceProofInfo, teeSignature: Hex): bigint {
  const miner = minerOf(context, account);
  ensure(stateOf(miner) === "positive", pallet, "NotpositiveState");
  const last = miner.spaceProofInfo ?? fail(pallet, "NotpositiveState");
  ensure(proof.front === last.front && proof.rear > last.rear, pallet, "CountError");
  const space = (proof.rear - last.rear) * idleUnitBytes;
  const held = miner.idleSpace + miner.serviceSpace + miner.lockSpace;
  ensure(held + space <= miner.declarationSpace, pallet, "ExceedingDeclarationSpace");
  miners.put(context.state, account, {
    ...miner,
    idleSpace: miner.idleSpace + space,
    spaceProofInfo: { ...proof, poisKey: last.poisKey },
    teeSignature,
  });
  add(context, totalIdle, space);
  return space;
}

/** Idle files that gave way to stored ones are proven gone. @returns the replaced bytes */
export function replaceIdleSpace(context: Context, account: Hex, proof: SpaceProofInfo, teeSignature: Hex): bigint {
  const miner = minerOf(context, account);
  const last = miner.spaceProofInfo ?? fail(pallet, "NotpositiveState");
  ensure(proof.rear === last.rear && proof.front > last.front, pallet, "CountError");
  const space = (proof.front - last.front) * idleUnitBytes;
  const pending = pendingReplacements.get(context.state, account);
  ensure(pending >= space, pallet, "InsufficientReplaceable");
  pendingReplacements.put(context.state, account, pending - space);
  miners.put(context.state, account, { ...miner, spaceProofInfo: { ...proof, poisKey: last.poisKey }, teeSignature });
  return space;
}
