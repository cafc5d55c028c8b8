import { encode, type Hex } from "../engine/codec.js";
import {
  type Context,
  DispatchFailure,
  ensure,
  ensureRoot,
  fail,
  handler,
  type Pallet,
  signer,
} from "../engine/dispatch.js";
import { storedMap, storedMaybeMap } from "../engine/storage.js";
import { ensureAttested, ensureOnDuty, noteWork } from "./attestation.js";
import { type Challenge, challengeFor, type Qualified, reassign, selectVerifier } from "./challenge.js";
import { allMiners, idleUnitBytes } from "./miner.js";
import { forceExit } from "./miner-exit.js";
import { punishLoss, punishSilence } from "./miner-penalty.js";
import { recordCompletion } from "./miner-reward.js";
import { creditWork } from "./scheduler-credit.js";
import { chance, oneDay } from "./territory.js";

const name = "Audit";
/** No challenge by chance before this: miners come first. */
const quietDays = 3;
const blocksBetween = 4n;
/** Failed proofs of stored files in a row, from which on they are fined. */
const failuresTolerated = 2;
/** Challenges in a row without an answer, after which a miner is put out. */
const silenceMax = 100;

export const challenges = storedMaybeMap<[Hex], Challenge>(name, "ChallengeSnapShot");
const answersDue = storedMaybeMap<[number, Hex], boolean>(name, "ChallengeSlip");
const verdictsDue = storedMaybeMap<[number, Hex], boolean>(name, "VerifySlip");
export const silences = storedMap<[Hex], number>(name, "CountedClear");
const failures = storedMap<[Hex], number>(name, "CountedServiceFailed");

const challengeOf = (context: Context, miner: Hex): Challenge =>
  challenges.find(context.state, miner) ?? fail(name, "NoChallenge");

/** @returns false where the miner is challenged already, proves nothing, or nobody could verify its proofs */
function begin(context: Context, miner: Hex): boolean {
  if (challenges.has(context.state, miner)) return false;
  const challenge = challengeFor(context, miner);
  if (challenge === undefined) return false;
  const { idleSlip, serviceSlip, verifySlip } = challenge.challengeElement;
  challenges.put(context.state, miner, challenge);
  answersDue.put(context.state, Math.max(idleSlip, serviceSlip), miner, true);
  verdictsDue.put(context.state, verifySlip, miner, true);
  return true;
}

/** Every fourth block one miner is drawn. */
function draw(context: Context): void {
  if (context.block < quietDays * oneDay || BigInt(context.block) % blocksBetween !== 0n) return;
  const miners = allMiners.get(context.state);
  if (miners.length === 0) return;
  const miner = miners[Number(BigInt(chance(context)) % BigInt(miners.length))]!;
  if (begin(context, miner)) context.emit(name, "GenerateChallenge", { miner });
}

/** Where answers were due: no proof of stored files counts as silence, which is fined and at last put out. */
function closeAnswers(context: Context): void {
  for (const miner of answersDue.lastParts<Hex>(context.state, context.block)) {
    answersDue.remove(context.state, context.block, miner);
    const challenge = challenges.find(context.state, miner);
    if (challenge === undefined || challenge.proveInfo.serviceProve !== null) continue;
    const count = silences.get(context.state, miner) + 1;
    if (count > 1) attempt(context, () => punishSilence(context, miner, challenge.minerSnapshot, count));
    if (count < silenceMax) silences.put(context.state, miner, count);
    else {
      attempt(context, () => forceExit(context, miner));
      silences.remove(context.state, miner);
    }
  }
}

/** What comes of a miner's record must not hold up the block. */
function attempt(context: Context, run: () => void): void {
  try {
    context.state.transaction(run);
  } catch (error) {
    if (!(error instanceof DispatchFailure)) throw error;
  }
}

/** Where verdicts were due: the challenge ends, or where a proof has none yet, goes once more to other verifiers. */
function closeVerdicts(context: Context): void {
  for (const miner of verdictsDue.lastParts<Hex>(context.state, context.block)) {
    verdictsDue.remove(context.state, context.block, miner);
    const challenge = challenges.find(context.state, miner);
    if (challenge === undefined) continue;
    const { idleProve, serviceProve, assign } = challenge.proveInfo;
    const isJudged = [idleProve, serviceProve].every((proof) => proof === null || proof.verifyResult !== null);
    if (isJudged || assign >= 2) challenges.remove(context.state, miner);
    else {
      const again = reassign(context, challenge);
      challenges.put(context.state, miner, again);
      verdictsDue.put(context.state, again.challengeElement.verifySlip, miner, true);
    }
  }
}

function submitIdle(context: Context, idleProve: Hex): void {
  const miner = signer(context);
  const challenge = challengeOf(context, miner);
  ensure(context.block <= challenge.challengeElement.idleSlip, name, "Expired");
  const { proveInfo } = challenge;
  ensure(proveInfo.idleProve === null, name, "Submitted");
  proveInfo.idleProve = { teePuk: selectVerifier(context), idleProve, verifyResult: null };
  keepAnswer(context, miner, challenge);
  context.emit(name, "SubmitIdleProof", { miner });
}

function submitService(context: Context, serviceProve: Hex): void {
  const miner = signer(context);
  const challenge = challengeOf(context, miner);
  ensure(context.block <= challenge.challengeElement.serviceSlip, name, "Expired");
  const { proveInfo } = challenge;
  ensure(proveInfo.serviceProve === null, name, "Submitted");
  proveInfo.serviceProve = { teePuk: selectVerifier(context), serviceProve, verifyResult: null };
  keepAnswer(context, miner, challenge);
  context.emit(name, "SubmitServiceProof", { miner });
}

/** Both answers are there: earlier silence is forgotten. */
function keepAnswer(context: Context, miner: Hex, challenge: Challenge): void {
  const { idleProve, serviceProve } = challenge.proveInfo;
  if (idleProve !== null && serviceProve !== null) silences.put(context.state, miner, 0);
  challenges.put(context.state, miner, challenge);
}

interface IdleVerdict {
  readonly totalProveHash: Hex;
  readonly front: bigint;
  readonly rear: bigint;
  readonly accumulator: Hex;
  readonly idleResult: boolean;
  readonly signature: Hex;
  readonly teePuk: Hex;
}

/** The miner hands in what a verifier found. A verdict over other data than the challenge's counts as a bad one. */
function judgeIdle(context: Context, verdict: IdleVerdict): void {
  const miner = signer(context);
  const challenge = challengeOf(context, miner);
  const proof = challenge.proveInfo.idleProve ?? fail(name, "UnSubmitted");
  ensure(proof.verifyResult === null, name, "Submitted");
  const { teePuk, totalProveHash, idleResult } = verdict;
  const { front, rear, accumulator } = challenge.minerSnapshot.spaceProofInfo;
  ensureOnDuty(context, name, teePuk, "verify");
  const attested = encode("VerifyIdleResult", {
    miner,
    minerProve: totalProveHash,
    front,
    rear,
    accumulator,
    spaceChallengeParam: challenge.challengeElement.spaceParam,
    result: idleResult,
    teePuk,
  });
  ensureAttested(context, name, [teePuk], attested, verdict.signature);
  const isOfThis =
    verdict.front === front &&
    verdict.rear === rear &&
    verdict.accumulator === accumulator &&
    totalProveHash === proof.idleProve;
  proof.verifyResult = idleResult && isOfThis;
  creditWork(context, teePuk, "verify", (rear - front) * idleUnitBytes);
  conclude(context, miner, challenge, teePuk);
  context.emit(name, "SubmitIdleVerifyResult", { tee: teePuk, miner, result: proof.verifyResult });
}

interface ServiceVerdict {
  readonly serviceResult: boolean;
  readonly signature: Hex;
  readonly serviceBloomFilter: readonly bigint[];
  readonly teePuk: Hex;
}

function judgeService(
  context: Context,
  { serviceResult, signature, serviceBloomFilter, teePuk }: ServiceVerdict,
): void {
  const miner = signer(context);
  const challenge = challengeOf(context, miner);
  const proof = challenge.proveInfo.serviceProve ?? fail(name, "UnSubmitted");
  ensure(proof.verifyResult === null, name, "Submitted");
  const { serviceBloomFilter: filter, serviceSpace } = challenge.minerSnapshot;
  ensureOnDuty(context, name, teePuk, "verify");
  const attested = encode("VerifyServiceResult", {
    miner,
    teePuk,
    minerProve: proof.serviceProve,
    result: serviceResult,
    chal: challenge.challengeElement.serviceParam,
    serviceBloomFilter: filter,
  });
  ensureAttested(context, name, [teePuk], attested, signature);
  ensure(
    serviceBloomFilter.every((count, i) => count === filter[i]),
    name,
    "BloomFilterError",
  );
  proof.verifyResult = serviceResult;
  countFailure(context, miner, serviceResult, serviceSpace);
  creditWork(context, teePuk, "verify", serviceSpace);
  conclude(context, miner, challenge, teePuk);
  context.emit(name, "SubmitServiceVerifyResult", { tee: teePuk, miner, result: serviceResult });
}

function countFailure(context: Context, miner: Hex, isGood: boolean, serviceSpace: bigint): void {
  const count = isGood ? 0 : failures.get(context.state, miner) + 1;
  if (count >= failuresTolerated) punishLoss(context, miner, serviceSpace);
  failures.put(context.state, miner, count);
}

/** Both proofs found good complete the audit. */
function conclude(context: Context, miner: Hex, challenge: Challenge, verifier: Hex): void {
  noteWork(context, verifier);
  const { idleProve, serviceProve } = challenge.proveInfo;
  if (idleProve?.verifyResult === true && serviceProve?.verifyResult === true) {
    const { idleSpace, serviceSpace }: Qualified = challenge.minerSnapshot;
    recordCompletion(context, miner, idleSpace, serviceSpace);
  }
  challenges.put(context.state, miner, challenge);
}

interface Move {
  readonly old: number;
  readonly new: number;
  readonly miner: Hex;
}

/** Root brings a due block near. */
const move = (due: typeof answersDue) =>
  handler((context, { old, new: next, miner }: Move) => {
    ensureRoot(context);
    due.remove(context.state, old, miner);
    due.put(context.state, next, miner, true);
  });

export const audit: Pallet = {
  name,
  initialize: (context) => {
    draw(context);
    closeAnswers(context);
    closeVerdicts(context);
  },
  calls: {
    submit_idle_proof: handler((context, { idleProve }: { idleProve: Hex }) => submitIdle(context, idleProve)),
    submit_service_proof: handler((context, args: { serviceProve: Hex }) => submitService(context, args.serviceProve)),
    submit_verify_idle_result: handler(judgeIdle),
    submit_verify_service_result: handler(judgeService),
    update_counted_clear: handler((context, { miner }: { miner: Hex }) => {
      ensureRoot(context);
      silences.put(context.state, miner, 0);
    }),
    test_update_clear_slip: move(answersDue),
    test_update_verify_slip: move(verdictsDue),
    /** Succeeds, as the real one does, even where no challenge comes of it; no event tells. */
    point_miner_challenge: handler((context, { miner }: { miner: Hex }) => {
      ensureRoot(context);
      begin(context, miner);
    }),
  },
};
