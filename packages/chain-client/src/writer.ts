import { CodedError } from "@granary/primitives";
import type { Extrinsic } from "@polkadot/types/interfaces";
import type { IKeyringPair } from "@polkadot/types/types";
import { hexToU8a, u8aToHex } from "@polkadot/util";
import { extrinsicHashOf, inclusionIn } from "./blocks.js";
import type { Runtime } from "./runtime.js";
import type { Session } from "./session.js";
import { offer, submitAndFollow } from "./submission.js";
import type {
  ChainCall,
  ChainReader,
  ChainWriter,
  Inclusion,
  PreparedExtrinsic,
  Signer,
  SubmissionUpdate,
} from "./types.js";

/** Blocks for which a signed extrinsic may be included. A power of two, by the chain's encoding. */
const ERA_BLOCKS = 64;
/** While finality stalls, an era begins this far behind the best block: deep enough for ordinary reorganizations. */
const STALLED_BIRTH_DEPTH = 8;
const SIGNATURE_SR25519 = 1;

/** What the signing code of the registry wants of a key. */
const pairOf = (signer: Signer): IKeyringPair => ({
  address: signer.account,
  addressRaw: signer.publicKey,
  publicKey: signer.publicKey,
  sign(data, options) {
    const message = typeof data === "string" ? hexToU8a(data) : data;
    const signature = signer.sign(message);
    return options?.withType === true ? new Uint8Array([SIGNATURE_SR25519, ...signature]) : signature;
  },
});

/** The era's phase, not its birth, is signed: both ends follow from it and a block that is near. */
function mortalityAt(runtime: Runtime, current: number) {
  const era = runtime.registry.createTypeUnsafe<Extrinsic["era"]>("ExtrinsicEra", [{ current, period: ERA_BLOCKS }]);
  const { asMortalEra } = era;
  return { era, birthBlock: asMortalEra.birth(current), deathBlock: asMortalEra.death(current) - 1 };
}

async function prepare(
  session: Session,
  signer: Signer,
  call: ChainCall,
  options: { nonce: number; tip?: bigint },
): Promise<PreparedExtrinsic> {
  const [finalized, best, genesisHash] = await Promise.all([
    session.finalizedHash().then((hash) => session.header(hash)),
    session.header(),
    session.genesisHash(),
  ]);
  const runtime = await session.runtimeInState(best.hash);
  const isStalled = best.number - finalized.number > ERA_BLOCKS / 2;
  const { era, birthBlock, deathBlock } = mortalityAt(
    runtime,
    isStalled ? best.number - STALLED_BIRTH_DEPTH : finalized.number,
  );
  const birthHash = birthBlock === finalized.number ? finalized.hash : await session.blockHash(birthBlock);
  if (birthHash === null) throw new CodedError("CHAIN_UNREACHABLE", "unavailable", "the node lacks a recent block");
  const extrinsic = runtime.registry.createTypeUnsafe<Extrinsic>("Extrinsic", [
    runtime.registry.createTypeUnsafe("Call", [call.hex]),
    { version: 4 },
  ]);
  extrinsic.sign(pairOf(signer), {
    blockHash: birthHash,
    genesisHash,
    nonce: options.nonce,
    tip: options.tip ?? 0,
    era: era.toHex(),
    runtimeVersion: runtime.version,
    signedExtensions: runtime.registry.signedExtensions,
  } as unknown as Parameters<Extrinsic["sign"]>[1]);
  const extrinsicHex = extrinsic.toHex();
  return { extrinsicHex, hash: extrinsicHashOf(extrinsicHex), nonce: options.nonce, birthBlock, deathBlock };
}

async function findInclusion(
  session: Session,
  extrinsicHash: string,
  fromBlock: number,
  toBlock: number,
): Promise<Inclusion | null> {
  const best = await session.header();
  for (let number = Math.max(fromBlock, 1); number <= Math.min(toBlock, best.number); number += 1) {
    const hash = await session.blockHash(number);
    const inclusion = hash === null ? null : await inclusionIn(session, hash, extrinsicHash);
    if (inclusion !== null) return inclusion;
  }
  return null;
}

/** A signer with one transaction at a time can meet a nonce that its last one has just used. */
const NONCE_ATTEMPTS = 3;

/** Of one account one extrinsic after the other gets its nonce and enters the pool. */
type Lanes = Map<string, Promise<unknown>>;

async function inLane<T>(lanes: Lanes, account: string, work: () => Promise<T>): Promise<T> {
  const turn = (lanes.get(account) ?? Promise.resolve()).then(work, work);
  lanes.set(account, turn);
  try {
    return await turn;
  } finally {
    if (lanes.get(account) === turn) lanes.delete(account);
  }
}

interface LaneWriter {
  readonly session: Session;
  readonly reader: Pick<ChainReader, "nextNonce">;
  readonly lanes: Lanes;
  readonly watchSilenceMs: number;
}

interface Followed {
  readonly prepared: PreparedExtrinsic;
  readonly updates: AsyncIterator<SubmissionUpdate>;
  /** The first, which says that the pool has it. */
  readonly first: SubmissionUpdate | null;
}

async function enterPool(
  { session, reader, watchSilenceMs }: LaneWriter,
  signer: Signer,
  call: ChainCall,
): Promise<Followed> {
  for (let attempt = 1; ; attempt += 1) {
    const prepared = await prepare(session, signer, call, { nonce: await reader.nextNonce(signer.account) });
    try {
      const updates = submitAndFollow(session, prepared.extrinsicHex, watchSilenceMs);
      const { value } = await updates.next();
      return { prepared, updates, first: value ?? null };
    } catch (error) {
      const isClash =
        error instanceof CodedError && (error.code === "TX_NONCE_STALE" || error.code === "TX_NONCE_TAKEN");
      if (!isClash || attempt === NONCE_ATTEMPTS) throw error;
    }
  }
}

async function signAndFollow(
  writer: LaneWriter,
  signer: Signer,
  call: ChainCall,
  until: "inBlock" | "finalized",
): Promise<Inclusion> {
  const { prepared, updates, first } = await inLane(writer.lanes, signer.account, () =>
    enterPool(writer, signer, call),
  );
  try {
    for (let update = first; update !== null; update = (await updates.next()).value ?? null) {
      const inclusion = inclusionOf(update, until, prepared.hash);
      if (inclusion !== null) return inclusion;
    }
  } finally {
    await updates.return?.();
  }
  throw new CodedError("TX_UNFINALIZED", "timeout", "the transaction was not followed to its end", {
    hash: prepared.hash,
  });
}

/** Null while it is worth waiting on. @throws CodedError TX_LOST, TX_UNFINALIZED, or what the chain refused */
function inclusionOf(update: SubmissionUpdate, until: "inBlock" | "finalized", hash: string): Inclusion | null {
  switch (update.kind) {
    case "accepted":
    case "retracted":
      return null;
    case "inBlock":
    case "finalized": {
      if (update.kind !== "finalized" && update.kind !== until) return null;
      if (!update.outcome.ok) throw update.outcome.error;
      const { kind: _, ...inclusion } = update;
      return inclusion;
    }
    case "unfinalized":
      throw new CodedError("TX_UNFINALIZED", "timeout", update.reason, { hash });
    default:
      throw new CodedError("TX_LOST", "unavailable", `the transaction was not included: ${update.reason}`, {
        kind: update.kind,
        hash,
      });
  }
}

async function estimateFee(
  session: Session,
  reader: Pick<ChainReader, "nextNonce">,
  signer: Signer,
  call: ChainCall,
): Promise<bigint> {
  const { extrinsicHex } = await prepare(session, signer, call, { nonce: await reader.nextNonce(signer.account) });
  const best = await session.header();
  const runtime = await session.runtimeInState(best.hash);
  const bytes = hexToU8a(extrinsicHex);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  const answer = await session.rpc.send<string>("state_call", [
    "TransactionPaymentApi_query_info",
    u8aToHex(new Uint8Array([...bytes, ...length])),
    best.hash,
  ]);
  const info = runtime.registry.createTypeUnsafe("RuntimeDispatchInfo", [hexToU8a(answer)]);
  return BigInt((info.toJSON() as { partialFee: string | number }).partialFee);
}

export function createWriter(
  session: Session,
  reader: Pick<ChainReader, "nextNonce">,
  watchSilenceMs: number,
): ChainWriter {
  const lanes: LaneWriter = { session, reader, lanes: new Map(), watchSilenceMs };
  return {
    prepare: (signer, call, options) => prepare(session, signer, call, options),
    submit: (extrinsicHex) => submitAndFollow(session, extrinsicHex, watchSilenceMs),
    offer: (extrinsicHex) => offer(session, extrinsicHex),
    findInclusion: (hash, fromBlock, toBlock) => findInclusion(session, hash, fromBlock, toBlock),
    signAndFinalize: (signer, call) => signAndFollow(lanes, signer, call, "finalized"),
    signAndInclude: (signer, call) => signAndFollow(lanes, signer, call, "inBlock"),
    estimateFee: (signer, call) => estimateFee(session, reader, signer, call),
  };
}
