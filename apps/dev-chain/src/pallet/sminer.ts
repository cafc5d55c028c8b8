import { blake2AsHex } from "@polkadot/util-crypto";
import { encode, type Hex } from "../engine/codec.js";
import { type Context, ensure, ensureRoot, fail, handler, type Pallet, signer } from "../engine/dispatch.js";
import { stored, storedMaybe, storedMaybeMap } from "../engine/storage.js";
import { TCESS } from "../shape/version.js";
import { devTeeKey, ensureAttested } from "./attestation.js";
import { palletAccount, reserve, transfer, unreserve } from "./balances.js";
import {
  allMiners,
  certifyIdleSpace,
  emptyMiner,
  idleUnitBytes,
  type Miner,
  minerCount,
  minerOf,
  miners,
  setState,
  stateOf,
} from "./miner.js";
import { add, oneDay, totalIdle } from "./territory.js";

const name = "Sminer";
export const TiB = 1n << 40n;
/** Collateral for each declared TiB. */
export const stakePerTib = 4000n * TCESS;
/** Blocks that a stake must have stood before its miner may leave: 180 days. */
const stakingLock = 180 * oneDay;
const exitLock = 15 * oneDay;
const faucetAward = 10_000n * TCESS;
export const faucetAccount = palletAccount("facuetid");
const endpointBytesMax = 100;

const stakingStart = storedMaybeMap<[Hex], number>(name, "StakingStartBlock");
const exits = storedMaybeMap<[Hex], number>(name, "MinerLock");
const rewards = storedMaybeMap<[Hex], { totalReward: bigint; rewardIssued: bigint; orderList: unknown[] }>(
  name,
  "RewardMap",
);
const minerKeys = storedMaybeMap<[Hex], Hex>(name, "MinerPublicKey");
const faucetRecords = storedMaybeMap<[Hex], { lastClaimTime: number }>(name, "FaucetRecordMap");
const faucetReleased = stored<bigint>(name, "FacuetReleaseRecord");
export const faucetWhitelist = storedMaybe<Hex>(name, "FacuetWhitelist");
const restoralTargets = storedMaybeMap<
  [Hex],
  { miner: Hex; serviceSpace: bigint; restoredSpace: bigint; coolingBlock: number }
>(name, "RestoralTarget");

interface Registration {
  readonly beneficiary: Hex;
  readonly endpoint: Hex;
  readonly tibCount: number;
}

export function register(context: Context, account: Hex, staker: Hex, stake: bigint, args: Registration): void {
  ensure(!miners.has(context.state, account), name, "AlreadyRegistered");
  ensure(args.endpoint.length / 2 - 1 <= endpointBytesMax, name, "BoundedVecError");
  ensure(stake >= stakePerTib * BigInt(args.tibCount), name, "CollateralNotUp");
  reserve(context, staker, stake);
  miners.put(context.state, account, {
    ...emptyMiner(args.beneficiary, staker, args.endpoint),
    collaterals: stake,
    declarationSpace: BigInt(args.tibCount) * TiB,
  });
  allMiners.put(context.state, [...allMiners.get(context.state), account]);
  minerCount.put(context.state, minerCount.get(context.state) + 1);
  rewards.put(context.state, account, { totalReward: 0n, rewardIssued: 0n, orderList: [] });
  stakingStart.put(context.state, account, context.block);
  context.emit(name, "Registered", { acc: account });
}

interface PoisKeyArgs {
  readonly poisKey: { readonly g: Hex; readonly n: Hex };
  readonly teeSig: Hex;
  readonly teePuk: Hex;
}

export function registerPoisKey(context: Context, account: Hex, args: PoisKeyArgs): void {
  ensureAttested(args.teePuk, name);
  const miner = minerOf(context, account);
  ensure(stateOf(miner) === "not ready", name, "StateError");
  ensure(miner.collaterals >= stakePerTib * (miner.declarationSpace / TiB), name, "CollateralNotUp");
  const accumulator: Hex = `0x${"00".repeat(256)}`;
  const spaceProofInfo = { miner: account, front: 0n, rear: 0n, poisKey: args.poisKey, accumulator };
  minerKeys.put(context.state, blake2AsHex(encode("PoISKey", args.poisKey), 256) as Hex, account);
  setState(context, account, { ...miner, spaceProofInfo }, "positive");
  context.emit(name, "RegisterPoisKey", { miner: account });
}

/** A miner as it is after registration, key, and one certificate of idle space. */
export function genesisMiner(context: Context, account: Hex, endpoint: Hex, tibCount: number, idleGib: number): void {
  const stake = stakePerTib * BigInt(tibCount);
  register(context, account, account, stake, { beneficiary: account, endpoint, tibCount });
  const zeros: Hex = `0x${"00".repeat(256)}`;
  registerPoisKey(context, account, { poisKey: { g: zeros, n: zeros }, teeSig: "0x", teePuk: devTeeKey });
  const rear = (BigInt(idleGib) << 30n) / idleUnitBytes;
  const proof = { miner: account, front: 0n, rear, poisKey: { g: zeros, n: zeros }, accumulator: zeros };
  certifyIdleSpace(context, account, proof, `0x${"00".repeat(64)}`);
}

const held = (miner: Miner): bigint => miner.idleSpace + miner.serviceSpace + miner.lockSpace;

function exitPrep(context: Context, account: Hex): void {
  const who = signer(context);
  const miner = minerOf(context, account);
  ensure(who === account || who === miner.stakingAccount, name, "NotStakingAcc");
  ensure(stateOf(miner) === "positive", name, "NotpositiveState");
  const start = stakingStart.find(context.state, account) ?? fail(name, "BugInvalid");
  ensure(start + stakingLock <= context.block, name, "InsufficientStakingPeriod");
  setState(context, account, miner, "lock");
  exits.put(context.state, account, context.block + exitLock);
  context.emit(name, "MinerExitPrep", { miner: account });
}

/** The miner leaves: its idle space with it; what it stored is to be restored by others while its stake cools down. */
function exit(context: Context, account: Hex): void {
  const miner = minerOf(context, account);
  ensure(stateOf(miner) === "lock", name, "StateError");
  add(context, totalIdle, -miner.idleSpace);
  const serviceSpace = miner.serviceSpace + miner.lockSpace;
  const coolingDays = Number(serviceSpace / TiB) + 1;
  const coolingBlock = context.block + coolingDays * oneDay;
  restoralTargets.put(context.state, account, { miner: account, serviceSpace, restoredSpace: 0n, coolingBlock });
  setState(context, account, { ...miner, idleSpace: 0n }, "exit");
  allMiners.put(
    context.state,
    allMiners.get(context.state).filter((other) => other !== account),
  );
  exits.remove(context.state, account);
}

function withdraw(context: Context, account: Hex): void {
  const miner = minerOf(context, account);
  ensure(stateOf(miner) === "exit", name, "StateError");
  const target = restoralTargets.find(context.state, account) ?? fail(name, "BugInvalid");
  const isRestored = target.restoredSpace >= target.serviceSpace;
  ensure(isRestored || context.block >= target.coolingBlock, name, "StateError");
  unreserve(context, miner.stakingAccount, miner.collaterals);
  for (const item of [miners, rewards, stakingStart, restoralTargets]) item.remove(context.state, account);
  minerCount.put(context.state, minerCount.get(context.state) - 1);
  context.emit(name, "Withdraw", { acc: account });
}

/** The faucet pays each account once a day, and only at the word of the whitelisted account. */
function faucet(context: Context, to: Hex): void {
  const white = faucetWhitelist.find(context.state) ?? fail(name, "NotSetWhite");
  ensure(signer(context) === white, name, "WrongOrigin");
  const last = faucetRecords.find(context.state, to)?.lastClaimTime;
  ensure(last === undefined || last + oneDay <= context.block, name, "LessThan24Hours");
  transfer(context, faucetAccount, to, faucetAward, "may-die");
  faucetRecords.put(context.state, to, { lastClaimTime: context.block });
  faucetReleased.put(context.state, faucetReleased.get(context.state) + faucetAward);
  context.emit(name, "DrawFaucetMoney");
}

function redeclare(context: Context, account: Hex, tib: number, change: "Increase" | "Decrease"): void {
  const miner = minerOf(context, account);
  ensure(stateOf(miner) === "positive", name, "NotpositiveState");
  const space = BigInt(tib) * TiB;
  if (change === "Increase") {
    const stake = stakePerTib * BigInt(tib);
    reserve(context, account, stake);
    miner.collaterals += stake;
    miner.declarationSpace += space;
  } else {
    ensure(miner.declarationSpace - space >= held(miner), name, "UnableReduceDeclaration");
    miner.declarationSpace -= space;
  }
  miners.put(context.state, account, miner);
  context.emit(name, `${change}DeclarationSpace`, { miner: account, space });
}

export const sminer: Pallet = {
  name,
  initialize: (context) => {
    for (const account of exits.lastParts<Hex>(context.state)) {
      if (exits.find(context.state, account) === context.block) exit(context, account);
    }
  },
  calls: {
    regnstk: handler((context, args: Registration & { stakingVal: bigint }) => {
      const account = signer(context);
      register(context, account, account, args.stakingVal, args);
    }),
    /** The stake is another account's: it follows by `increase_collateral`, so until then nothing may be certified. */
    regnstk_assign_staking: handler((context, args: Registration & { stakingAccount: Hex }) => {
      const account = signer(context);
      register(context, account, args.stakingAccount, 0n, { ...args, tibCount: 0 });
      const miner = minerOf(context, account);
      miners.put(context.state, account, { ...miner, declarationSpace: BigInt(args.tibCount) * TiB });
    }),
    register_pois_key: handler((context, args: PoisKeyArgs) => registerPoisKey(context, signer(context), args)),
    increase_collateral: handler((context, args: { miner: Hex; collaterals: bigint }) => {
      const who = signer(context);
      const miner = minerOf(context, args.miner);
      ensure(miner.stakingAccount === who, name, "NotStakingAcc");
      reserve(context, who, args.collaterals);
      miner.collaterals += args.collaterals;
      miners.put(context.state, args.miner, miner);
      context.emit(name, "IncreaseCollateral", { acc: args.miner, balance: miner.collaterals });
    }),
    update_beneficiary: handler((context, { beneficiary }: { beneficiary: Hex }) => {
      const acc = signer(context);
      miners.put(context.state, acc, { ...minerOf(context, acc), beneficiary });
      context.emit(name, "UpdateBeneficiary", { acc, new: beneficiary });
    }),
    update_endpoint: handler((context, { endpoint }: { endpoint: Hex }) => {
      const acc = signer(context);
      const miner = minerOf(context, acc);
      miners.put(context.state, acc, { ...miner, endpoint });
      context.emit(name, "UpdateEndPoint", { acc, old: miner.endpoint, new: endpoint });
    }),
    increase_declaration_space: handler((context, { tibCount }: { tibCount: number }) =>
      redeclare(context, signer(context), tibCount, "Increase"),
    ),
    decrease_declaration_space: handler((context, { tibCount }: { tibCount: number }) =>
      redeclare(context, signer(context), tibCount, "Decrease"),
    ),
    miner_exit_prep: handler((context, { miner }: { miner: Hex }) => exitPrep(context, miner)),
    miner_exit: handler((context, { miner }: { miner: Hex }) => {
      ensureRoot(context);
      exit(context, miner);
    }),
    miner_withdraw: handler((context) => withdraw(context, signer(context))),
    faucet: handler((context, { to }: { to: Hex }) => faucet(context, to)),
    faucet_top_up: handler((context, { award }: { award: bigint }) => {
      const acc = signer(context);
      transfer(context, acc, faucetAccount, award, "alive");
      context.emit(name, "FaucetTopUpMoney", { acc });
    }),
    set_facuet_whitelist: handler((context, { acc }: { acc: Hex }) => {
      ensureRoot(context);
      faucetWhitelist.put(context.state, acc);
    }),
  },
};
