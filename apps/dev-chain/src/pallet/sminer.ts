import { sha256AsU8a } from "@polkadot/util-crypto";
import { encode, type Hex, toHex } from "../engine/codec.js";
import { type Context, ensure, ensureRoot, fail, handler, type Pallet, signer } from "../engine/dispatch.js";
import { stored, storedMaybe, storedMaybeMap } from "../engine/storage.js";
import { TCESS } from "../shape/version.js";
import { schedule } from "./agenda.js";
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
  pendingReplacements,
  setState,
  signature64,
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

const stakingStart = storedMaybeMap<[Hex], number>(name, "StakingStartBlock");
const exitLocks = storedMaybeMap<[Hex], number>(name, "MinerLock");
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

/** The stake that so much space takes, begun TiB counted whole. */
const stakeFor = (space: bigint): bigint => ((space + TiB - 1n) / TiB) * stakePerTib;

interface Registration {
  readonly beneficiary: Hex;
  readonly endpoint: Hex;
  readonly tibCount: number;
}

/** A newly registered miner: not ready, and on no list, until its key is registered. */
export function register(context: Context, account: Hex, staker: Hex, stake: bigint, args: Registration): void {
  ensure(!miners.has(context.state, account), name, "AlreadyRegistered");
  miners.put(context.state, account, {
    ...emptyMiner(args.beneficiary, staker, args.endpoint),
    collaterals: stake,
    declarationSpace: BigInt(args.tibCount) * TiB,
  });
  minerCount.put(context.state, minerCount.get(context.state) + 1);
  rewards.put(context.state, account, { totalReward: 0n, rewardIssued: 0n, orderList: [] });
  context.emit(name, "Registered", { acc: account });
}

/** With a stake of its own, which stands from now on. */
function registerStaked(context: Context, account: Hex, stake: bigint, args: Registration): void {
  ensure(!miners.has(context.state, account), name, "AlreadyRegistered");
  ensure(stake >= stakeFor(BigInt(args.tibCount) * TiB), name, "CollateralNotUp");
  reserve(context, account, stake);
  stakingStart.put(context.state, account, context.block);
  register(context, account, account, stake, args);
}

interface PoisKeyArgs {
  readonly poisKey: { readonly g: Hex; readonly n: Hex };
  readonly teeSigNeedVerify: Hex;
  readonly teeSig: Hex;
  readonly teePuk: Hex;
}

export function registerPoisKey(context: Context, account: Hex, args: PoisKeyArgs): void {
  ensure(miners.has(context.state, account), name, "NotMiner");
  const { poisKey, teePuk } = args;
  const spaceProofInfo = { miner: account, front: 0n, rear: 0n, poisKey, accumulator: poisKey.g };
  const attested = encode("(SpaceProofInfo, [u8; 32])", [spaceProofInfo, teePuk]);
  ensureAttested(teePuk, name);
  const miner = minerOf(context, account);
  ensure(stateOf(miner) === "not ready", name, "StateError");
  minerKeys.put(context.state, toHex(sha256AsU8a(attested)), account);
  const isStaked = miner.collaterals >= stakeFor(miner.declarationSpace);
  const teeSignature = signature64(args.teeSig);
  setState(context, account, { ...miner, spaceProofInfo, teeSignature }, isStaked ? "positive" : "frozen");
  allMiners.put(context.state, [...allMiners.get(context.state), account]);
  context.emit(name, "RegisterPoisKey", { miner: account });
}

/** A miner as it is after registration, key, and one certificate of idle space. */
export function genesisMiner(context: Context, account: Hex, endpoint: Hex, tibCount: number, idleGib: number): void {
  const stake = stakePerTib * BigInt(tibCount);
  registerStaked(context, account, stake, { beneficiary: account, endpoint, tibCount });
  const zeros: Hex = `0x${"00".repeat(256)}`;
  registerPoisKey(context, account, {
    poisKey: { g: zeros, n: zeros },
    teeSigNeedVerify: "0x",
    teeSig: "0x",
    teePuk: devTeeKey,
  });
  const rear = (BigInt(idleGib) << 30n) / idleUnitBytes;
  const proof = { miner: account, front: 0n, rear, poisKey: { g: zeros, n: zeros }, accumulator: zeros };
  certifyIdleSpace(context, account, proof, `0x${"00".repeat(64)}`);
}

const held = (miner: Miner): bigint => miner.idleSpace + miner.serviceSpace + miner.lockSpace;

/** The chain itself takes the miner out when the exit lock ends. */
function exitPrep(context: Context, account: Hex): void {
  const who = signer(context);
  const lockedUntil = exitLocks.find(context.state, account);
  ensure(lockedUntil === undefined || context.block > lockedUntil, name, "StateError");
  const start = stakingStart.find(context.state, account) ?? fail(name, "BugInvalid");
  ensure(context.block > start + stakingLock, name, "InsufficientStakingPeriod");
  const miner = miners.find(context.state, who) ?? fail(name, "NotExisted");
  ensure(who === account || who === miner.stakingAccount, name, "NotStakingAcc");
  ensure(stateOf(miner) === "positive" && miner.lockSpace === 0n, name, "StateError");
  setState(context, who, miner, "lock");
  const at = context.block + exitLock;
  exitLocks.put(context.state, account, at);
  schedule(context, account, at, { type: name, value: { type: "miner_exit", value: { miner: account } } });
  context.emit(name, "MinerExitPrep", { miner: account });
}

/** The miner leaves: its idle space with it; what it stored is to be restored by others while its stake cools down. */
function exit(context: Context, account: Hex): void {
  const miner = miners.find(context.state, account) ?? fail(name, "NotExisted");
  ensure(stateOf(miner) === "lock", name, "StateError");
  add(context, totalIdle, -miner.idleSpace);
  unlist(context, account);
  setState(context, account, miner, "exit");
  openRestoral(context, account, miner.serviceSpace + miner.lockSpace);
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
function withdraw(context: Context, account: Hex): void {
  const target = restoralTargets.find(context.state, account) ?? fail(name, "StateError");
  const isRestored = target.restoredSpace === target.serviceSpace;
  ensure(isRestored || context.block >= target.coolingBlock, name, "StateError");
  const miner = minerOf(context, account);
  unreserve(context, miner.stakingAccount, miner.collaterals);
  pendingReplacements.remove(context.state, account);
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

/** More than the stake is good for freezes the miner until the stake follows. */
function declareMore(context: Context, account: Hex, space: bigint): void {
  const miner = minerOf(context, account);
  ensure(stateOf(miner) === "positive", name, "StateError");
  miner.declarationSpace += space;
  setState(context, account, miner, miner.collaterals >= stakeFor(miner.declarationSpace) ? "positive" : "frozen");
  context.emit(name, "IncreaseDeclarationSpace", { miner: account, space });
}

function declareLess(context: Context, account: Hex, space: bigint): void {
  const miner = minerOf(context, account);
  const state = stateOf(miner);
  ensure(state === "positive" || state === "frozen", name, "StateError");
  ensure(miner.declarationSpace >= space, name, "Overflow");
  miner.declarationSpace -= space;
  ensure(miner.declarationSpace >= held(miner), name, "UnableReduceDeclaration");
  setState(context, account, miner, miner.collaterals >= stakeFor(miner.declarationSpace) ? "positive" : state);
  context.emit(name, "DecreaseDeclarationSpace", { miner: account, space });
}

/** The stake stands anew from here; one that suffices thaws a frozen miner. */
function increaseCollateral(context: Context, who: Hex, account: Hex, amount: bigint): void {
  const miner = minerOf(context, account);
  const state = stateOf(miner);
  ensure(!["offline", "lock", "exit"].includes(state), name, "StateError");
  ensure(miner.stakingAccount === who, name, "NotStakingAcc");
  miner.collaterals += amount;
  const isThawed = state === "frozen" && miner.collaterals >= stakeFor(miner.declarationSpace);
  setState(context, account, miner, isThawed ? "positive" : state);
  stakingStart.put(context.state, account, context.block);
  reserve(context, who, amount);
  context.emit(name, "IncreaseCollateral", { acc: who, balance: miner.collaterals });
}

export const sminer: Pallet = {
  name,
  calls: {
    regnstk: handler((context, args: Registration & { stakingVal: bigint }) => {
      registerStaked(context, signer(context), args.stakingVal, args);
    }),
    /** The stake is another account's, and follows by `increase_collateral`: until then the miner is frozen at best. */
    regnstk_assign_staking: handler((context, args: Registration & { stakingAccount: Hex }) => {
      register(context, signer(context), args.stakingAccount, 0n, args);
    }),
    register_pois_key: handler((context, args: PoisKeyArgs) => registerPoisKey(context, signer(context), args)),
    increase_collateral: handler((context, args: { miner: Hex; collaterals: bigint }) => {
      increaseCollateral(context, signer(context), args.miner, args.collaterals);
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
      declareMore(context, signer(context), BigInt(tibCount) * TiB),
    ),
    decrease_declaration_space: handler((context, { tibCount }: { tibCount: number }) =>
      declareLess(context, signer(context), BigInt(tibCount) * TiB),
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
