import type { Hex } from "../engine/codec.js";
import { type Context, fail } from "../engine/dispatch.js";
import { transfer, unreserve } from "./balances.js";
import { fines } from "./cess-treasury.js";
import { minerOf, setState, stakeFor, stateOf } from "./miner.js";
import { powerOf, rewards } from "./miner-reward.js";

const pallet = "Sminer";
/** Taken of a miner that has earned nothing yet, in the smallest unit: a reminder rather than a fine. */
const reminder = 100n;

/** Spaces as they were when the audit began. */
interface Audited {
  readonly idleSpace: bigint;
  readonly serviceSpace: bigint;
}

/** The stake that the miner's power would take: what fines are parts of. */
const limitOf = ({ idleSpace, serviceSpace }: Audited): bigint => stakeFor(powerOf(idleSpace, serviceSpace));

/** For the second audit in a row without an answer a twentieth, from the third on 15 hundredths. */
export function punishSilence(context: Context, account: Hex, audited: Audited, count: number): void {
  const earned = (rewards.find(context.state, account) ?? fail(pallet, "NotMiner")).totalReward;
  const percent = count === 1 ? 0n : count === 2 ? 5n : 15n;
  punish(context, account, earned === 0n ? reminder : (limitOf(audited) * percent) / 100n);
}

/** For stored files that are not there: a twentieth of what the served space weighs. */
export function punishLoss(context: Context, account: Hex, serviceSpace: bigint): void {
  punish(context, account, (limitOf({ idleSpace: serviceSpace, serviceSpace }) * 5n) / 100n);
}

/** Out of the stake; what it does not hold is owed. A stake too small for the miner's power freezes it. */
function punish(context: Context, account: Hex, fine: bigint): void {
  const miner = minerOf(context, account);
  const paid = fine < miner.collaterals ? fine : miner.collaterals;
  unreserve(context, miner.stakingAccount, paid);
  transfer(context, miner.stakingAccount, fines, paid, "alive");
  // The whole fine is owed then, not what is missing of it: the real chain's flaw, kept.
  if (paid === miner.collaterals) miner.debt = fine;
  miner.collaterals -= paid;
  setState(context, account, miner, miner.collaterals < limitOf(miner) ? "frozen" : stateOf(miner));
}
