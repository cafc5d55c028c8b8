import { sha256AsU8a } from "@polkadot/util-crypto";
import { encode, type Hex, toHex } from "../engine/codec.js";
import { type Context, ensure, ensureRoot, fail, handler, type Pallet, signer } from "../engine/dispatch.js";
import { stored, storedMaybe, storedMaybeMap } from "../engine/storage.js";
import { TCESS } from "../shape/version.js";
import { devTeeKey, ensureAttested, noteWork } from "./attestation.js";
import { palletAccount, reserve, transfer } from "./balances.js";
import { expenders } from "./challenge.js";
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
  signature64,
  stakeFor,
  stakePerTib,
  stakingStart,
  stateOf,
  TiB,
} from "./miner.js";
import { exit, prepareExit, returnStakes, withdrawStake } from "./miner-exit.js";
import { payRewards, reckonRewards, rewards } from "./miner-reward.js";
import { oneDay } from "./territory.js";

const name = "Sminer";
const faucetAward = 10_000n * TCESS;
export const faucetAccount = palletAccount("facuetid");

const minerKeys = storedMaybeMap<[Hex], Hex>(name, "MinerPublicKey");
const faucetRecords = storedMaybeMap<[Hex], { lastClaimTime: number }>(name, "FaucetRecordMap");
const faucetReleased = stored<bigint>(name, "FacuetReleaseRecord");
export const faucetWhitelist = storedMaybe<Hex>(name, "FacuetWhitelist");

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
  ensureAttested(context, name, [teePuk], attested, args.teeSigNeedVerify);
  noteWork(context, teePuk);
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
  initialize: returnStakes,
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
    miner_exit_prep: handler((context, { miner }: { miner: Hex }) => prepareExit(context, miner)),
    miner_exit: handler((context, { miner }: { miner: Hex }) => {
      ensureRoot(context);
      exit(context, miner);
    }),
    miner_withdraw: handler((context) => withdrawStake(context, signer(context))),
    receive_reward: handler((context) => {
      const account = signer(context);
      const miner = miners.find(context.state, account);
      if (miner === undefined) return;
      ensure(["positive", "exit"].includes(stateOf(miner)), name, "NotpositiveState");
      reckonRewards(context, account);
      payRewards(context, account, miner.beneficiary);
    }),
    update_expender: handler((context, { k, n, d }: { k: bigint; n: bigint; d: bigint }) => {
      ensureRoot(context);
      expenders.put(context.state, [k, n, d]);
    }),
    clear_miner_service: handler((context, args: { miner: Hex }) => {
      ensureRoot(context);
      const miner = miners.find(context.state, args.miner) ?? fail(name, "ConversionError");
      const serviceBloomFilter = miner.serviceBloomFilter.map(() => 0n);
      miners.put(context.state, args.miner, { ...miner, serviceSpace: 0n, serviceBloomFilter });
    }),
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
