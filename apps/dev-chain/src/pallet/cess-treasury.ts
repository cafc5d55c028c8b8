import type { Hex } from "../engine/codec.js";
import { type Context, ensure, ensureRoot, handler, type Pallet, signer } from "../engine/dispatch.js";
import { stored, storedMap } from "../engine/storage.js";
import { TCESS } from "../shape/version.js";
import { mint, palletAccount, transfer, withdraw } from "./balances.js";

const name = "CessTreasury";
/** Where miners' rewards are paid from, fines go to, the price of space goes to, and rewards that nobody takes. */
export const minerRewards = palletAccount("rewardpt");
export const fines = palletAccount("punisdpt");
export const spaceProceeds = palletAccount("spacedpt");
export const rewardReserve = palletAccount("sererdpt");

/** Six epochs of 600 blocks. */
const eraBlocks = 3600;
/** What an era pays to miners. The real chain's depends on its stakes and years; here it is fixed. */
export const eraReward = 10_000n * TCESS;

export const currencyReward = stored<bigint>(name, "CurrencyReward");
const lastEraReward = stored<bigint>(name, "EraReward");
const reserveReward = stored<bigint>(name, "ReserveReward");
/** Of each era: what there is for miners, and what they have taken. */
const roundRewards = storedMap<[number], readonly [bigint, bigint]>(name, "RoundReward");

export const eraOf = (context: Context): number => Math.floor(context.block / eraBlocks);

export const roundRewardOf = (context: Context, era: number): bigint => roundRewards.get(context.state, era)[0];

export function takeRoundReward(context: Context, era: number, amount: bigint): void {
  const [total, taken] = roundRewards.get(context.state, era);
  ensure(taken + amount <= total, name, "Unexpected");
  roundRewards.put(context.state, era, [total, taken + amount]);
}

/** Sets aside what was reckoned as rewards, out of the reserve where the pool is too small. */
export function takeReward(context: Context, amount: bigint): void {
  const pool = currencyReward.get(context.state);
  if (amount > pool) {
    const reserve = reserveReward.get(context.state);
    ensure(reserve >= amount, name, "Overflow");
    reserveReward.put(context.state, reserve - amount);
    currencyReward.put(context.state, pool + amount);
    transfer(context, rewardReserve, minerRewards, amount, "alive");
  }
  currencyReward.put(context.state, currencyReward.get(context.state) - amount);
}

export function returnReward(context: Context, amount: bigint): void {
  currencyReward.put(context.state, currencyReward.get(context.state) + amount);
}

/** A reward that its miner has no more room for. */
export function reserveRewards(context: Context, amount: bigint): void {
  reserveReward.put(context.state, reserveReward.get(context.state) + amount);
  transfer(context, minerRewards, rewardReserve, amount, "alive");
}

/** The end of an era mints its reward, for the miners that completed an audit in it. */
function payEra(context: Context): void {
  if (context.block % eraBlocks !== 0) return;
  const era = eraOf(context) - 1;
  const [total, taken] = roundRewards.get(context.state, era);
  mint(context, minerRewards, eraReward);
  lastEraReward.put(context.state, eraReward);
  roundRewards.put(context.state, era, [total + eraReward, taken]);
  currencyReward.put(context.state, currencyReward.get(context.state) + eraReward);
  context.emit(name, "Deposit", { balance: eraReward });
}

const give = (to: Hex) =>
  handler((context, { funds }: { funds: bigint }) => transfer(context, signer(context), to, funds, "alive"));

/** A purse that holds less than is to be burnt keeps it: nobody hears of that. */
const burn = (purse: Hex) =>
  handler((context, { burnAmount }: { burnAmount: bigint }) => {
    ensureRoot(context);
    withdraw(context, purse, burnAmount);
  });

const spend = (purse: Hex) =>
  handler((context, { acc, funds }: { acc: Hex; funds: bigint }) => {
    ensureRoot(context);
    transfer(context, purse, acc, funds, "alive");
  });

export const cessTreasury: Pallet = {
  name,
  initialize: payEra,
  calls: {
    send_funds_to_pid: give(fines),
    send_funds_to_sid: give(spaceProceeds),
    pid_burn_funds: burn(fines),
    sid_burn_funds: burn(spaceProceeds),
    pid_send_funds: spend(fines),
    sid_send_funds: spend(spaceProceeds),
  },
};
