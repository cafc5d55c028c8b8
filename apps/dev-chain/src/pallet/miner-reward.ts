import type { Hex } from "../engine/codec.js";
import { type Context, ensure, fail } from "../engine/dispatch.js";
import { storedMap, storedMaybeMap } from "../engine/storage.js";
import { transfer } from "./balances.js";
import { eraOf, minerRewards, reserveRewards, roundRewardOf, takeReward, takeRoundReward } from "./cess-treasury.js";
import { oneDay } from "./territory.js";

/**
 * An era's reward is shared by power among the miners that completed an audit in it. Of a share, half is paid at once
 * and half in ninety parts, one for each day.
 */
const pallet = "Sminer";
const releaseCount = 90;
const billion = 10n ** 9n;

interface Order {
  readonly receiveCount: number;
  readonly maxCount: number;
  readonly atonce: boolean;
  readonly orderReward: bigint;
  readonly eachAmount: bigint;
  readonly lastReceiveBlock: number;
}
interface Reward {
  readonly totalReward: bigint;
  readonly rewardIssued: bigint;
  readonly orderList: readonly Order[];
}
interface CompletedAudit {
  readonly eraIndex: number;
  readonly issued: boolean;
  readonly finshBlock: number;
  readonly power: bigint;
}

export const rewards = storedMaybeMap<[Hex], Reward>(pallet, "RewardMap");
export const completedAudits = storedMap<[Hex], readonly CompletedAudit[]>(pallet, "CompleteMinerSnapShot");
const completions = storedMap<[number], { readonly minerCount: number; readonly totalPower: bigint }>(
  pallet,
  "CompleteSnapShot",
);

/** What a miner weighs: served space nineteen times as much as idle. */
export const powerOf = (idleSpace: bigint, serviceSpace: bigint): bigint =>
  (idleSpace * 5n) / 100n + (serviceSpace * 95n) / 100n;

/** Both proofs of an audit were found good. */
export function recordCompletion(context: Context, miner: Hex, idleSpace: bigint, serviceSpace: bigint): void {
  const done = completedAudits.get(context.state, miner);
  if (done.length === releaseCount) return;
  const era = eraOf(context);
  const power = powerOf(idleSpace, serviceSpace);
  const { minerCount, totalPower } = completions.get(context.state, era);
  completions.put(context.state, era, { minerCount: minerCount + 1, totalPower: totalPower + power });
  const audit = { eraIndex: era, issued: false, finshBlock: context.block, power };
  completedAudits.put(context.state, miner, [...done, audit]);
}

/** Turns the audits of eras that are over into orders to be paid. */
export function reckonRewards(context: Context, miner: Hex): void {
  const done = completedAudits.get(context.state, miner);
  const isOver = ({ eraIndex }: CompletedAudit) => eraIndex < eraOf(context);
  const orders = done.filter(isOver).map((audit) => orderFor(context, audit));
  if (orders.length === 0) return;
  const open = done.filter((audit) => !isOver(audit));
  completedAudits.put(context.state, miner, open);
  const reward = rewards.find(context.state, miner) ?? fail(pallet, "Unexpected");
  const sum = orders.reduce((total, { orderReward }) => total + orderReward, 0n);
  if (reward.orderList.length === releaseCount) for (const order of orders) reserveRewards(context, order.orderReward);
  else {
    const totalReward = reward.totalReward + sum;
    rewards.put(context.state, miner, { ...reward, totalReward, orderList: [...reward.orderList, ...orders] });
  }
  takeReward(context, sum);
}

function orderFor(context: Context, { eraIndex, power, finshBlock }: CompletedAudit): Order {
  const total = roundRewardOf(context, eraIndex);
  ensure(total > 0n, pallet, "Unexpected");
  const { totalPower } = completions.get(context.state, eraIndex);
  const share = (total * ((power * billion) / totalPower)) / billion;
  takeRoundReward(context, eraIndex, share);
  return {
    receiveCount: 0,
    maxCount: releaseCount,
    atonce: false,
    orderReward: share,
    eachAmount: share / 2n / BigInt(releaseCount),
    lastReceiveBlock: finshBlock,
  };
}

/** Pays what is due of all orders; those paid whole end. */
export function payRewards(context: Context, miner: Hex, beneficiary: Hex): void {
  const reward = rewards.find(context.state, miner) ?? fail(pallet, "Unexpected");
  let due = 0n;
  const orders = reward.orderList.map((order) => {
    const days = Math.floor((context.block - order.lastReceiveBlock) / oneDay);
    const parts = Math.min(days, order.maxCount - order.receiveCount);
    due += order.eachAmount * BigInt(parts) + (order.atonce ? 0n : order.orderReward / 2n);
    const lastReceiveBlock = parts > 0 ? context.block : order.lastReceiveBlock;
    return { ...order, atonce: true, receiveCount: order.receiveCount + parts, lastReceiveBlock };
  });
  const orderList = orders.filter(({ receiveCount, maxCount }) => receiveCount < maxCount);
  rewards.put(context.state, miner, { ...reward, rewardIssued: reward.rewardIssued + due, orderList });
  transfer(context, minerRewards, beneficiary, due, "alive");
  context.emit(pallet, "Receive", { acc: beneficiary, reward: due });
}
