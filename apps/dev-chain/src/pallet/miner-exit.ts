import type { Hex } from "../engine/codec.js";
import { type Context, ensure, fail, signer } from "../engine/dispatch.js";
import { storedMap, storedMaybeMap } from "../engine/storage.js";
import { schedule } from "./agenda.js";
import { unreserve } from "./balances.js";
import { returnReward } from "./cess-treasury.js";
import { allMiners, minerOf, miners, pendingReplacements, setState, stakingStart, stateOf, TiB } from "./miner.js";
import { completedAudits, payRewards, reckonRewards, rewards } from "./miner-reward.js";
import { add, oneDay, totalIdle } from "./territory.js";

/** How a miner leaves: of its own will after its stake has stood long enough, or put out. */
const pallet = "Sminer";
/** Blocks that a stake must have stood before its miner may leave: 180 days. */
const stakingLock = 180 * oneDay;
const exitLock = 15 * oneDay;

const exitLocks = storedMaybeMap<[Hex], number>(pallet, "MinerLock");
const returns = storedMap<[number], [miner: Hex, staker: Hex, stake: bigint][]>(pallet, "ReturnStakingSchedule");

interface RestoralTarget {
  readonly miner: Hex;
  readonly serviceSpace: bigint;
  readonly restoredSpace: bigint;
  readonly coolingBlock: number;
}
const restoralTargets = storedMaybeMap<[Hex], RestoralTarget>(pallet, "RestoralTarget");

/** Whether others shall restore what the miner stored. */
export const hasLeft = (context: Context, miner: Hex): boolean => restoralTargets.has(context.state, miner);

export function noteRestored(context: Context, miner: Hex, space: bigint): void {
  const target = restoralTargets.find(context.state, miner) ?? fail(pallet, "NotExisted");
  restoralTargets.put(context.state, miner, { ...target, restoredSpace: target.restoredSpace + space });
}

/** The chain itself takes the miner out when the exit lock ends. */
export function prepareExit(context: Context, account: Hex): void {
  const who = signer(context);
  const lockedUntil = exitLocks.find(context.state, account);
  ensure(lockedUntil === undefined || context.block > lockedUntil, pallet, "StateError");
  const start = stakingStart.find(context.state, account) ?? fail(pallet, "BugInvalid");
  ensure(context.block > start + stakingLock, pallet, "InsufficientStakingPeriod");
  const miner = miners.find(context.state, who) ?? fail(pallet, "NotExisted");
  ensure(who === account || who === miner.stakingAccount, pallet, "NotStakingAcc");
  ensure(stateOf(miner) === "positive" && miner.lockSpace === 0n, pallet, "StateError");
  setState(context, who, miner, "lock");
  const at = context.block + exitLock;
  exitLocks.put(context.state, account, at);
  schedule(context, account, at, { type: pallet, value: { type: "miner_exit", value: { miner: account } } });
  context.emit(pallet, "MinerExitPrep", { miner: account });
}

/** The miner leaves: its idle space with it; what it stored is to be restored by others while its stake cools down. */
export function exit(context: Context, account: Hex): void {
  const miner = miners.find(context.state, account) ?? fail(pallet, "NotExisted");
  ensure(stateOf(miner) === "lock", pallet, "StateError");
  add(context, totalIdle, -miner.idleSpace);
  unlist(context, account);
  setState(context, account, miner, "exit");
  openRestoral(context, account, miner.serviceSpace + miner.lockSpace);
}

/** Put out for not answering audits. A stake that has earned nothing returns at once, another when it has stood. */
export function forceExit(context: Context, account: Hex): void {
  unlist(context, account);
  const miner = minerOf(context, account);
  const earned = rewards.find(context.state, account)?.totalReward ?? 0n;
  if (earned === 0n) unreserve(context, miner.stakingAccount, miner.collaterals);
  else {
    reckonRewards(context, account);
    payRewards(context, account, miner.beneficiary);
    const { totalReward, rewardIssued } = rewards.find(context.state, account)!;
    returnReward(context, totalReward - rewardIssued);
    const at = (stakingStart.find(context.state, account) ?? fail(pallet, "BugInvalid")) + stakingLock;
    const due = returns.get(context.state, at);
    returns.put(context.state, at, [...due, [account, miner.stakingAccount, miner.collaterals]]);
  }
  add(context, totalIdle, -(miner.idleSpace + miner.lockSpace));
  openRestoral(context, account, miner.serviceSpace + miner.lockSpace);
  setState(context, account, miner, "offline");
  for (const item of [completedAudits, rewards, pendingReplacements]) item.remove(context.state, account);
}

function unlist(context: Context, account: Hex): void {
  const others = allMiners.get(context.state).filter((other) => other !== account);
  allMiners.put(context.state, others);
}

/** A day of cooling for each begun TiB that others shall restore. */
function openRestoral(context: Context, account: Hex, serviceSpace: bigint): void {
  const coolingBlock = context.block + (Number(serviceSpace / TiB) + 1) * oneDay;
  restoralTargets.put(context.state, account, { miner: account, serviceSpace, restoredSpace: 0n, coolingBlock });
}

/** The stake comes back; the miner stays on record as one that left. */
export function withdrawStake(context: Context, account: Hex): void {
  const target = restoralTargets.find(context.state, account) ?? fail(pallet, "StateError");
  const isRestored = target.restoredSpace === target.serviceSpace;
  ensure(isRestored || context.block >= target.coolingBlock, pallet, "StateError");
  const miner = minerOf(context, account);
  unreserve(context, miner.stakingAccount, miner.collaterals);
  pendingReplacements.remove(context.state, account);
  context.emit(pallet, "Withdraw", { acc: account });
}

/** Stakes of miners that were put out, whose time is over in this block. */
export function returnStakes(context: Context): void {
  for (const [, staker, stake] of returns.get(context.state, context.block)) unreserve(context, staker, stake);
}
