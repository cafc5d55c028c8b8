import { encode, type Hex } from "../engine/codec.js";
import { type Context, ensure } from "../engine/dispatch.js";
import { storedMaybe } from "../engine/storage.js";
import { verifiers } from "./attestation.js";
import { miners, type SpaceProofInfo } from "./miner.js";
import { chance } from "./territory.js";

/** What a miner is asked in an audit, and until when. */
export interface Qualified {
  readonly idleSpace: bigint;
  readonly serviceSpace: bigint;
}

interface Snapshot extends Qualified {
  readonly serviceBloomFilter: readonly bigint[];
  readonly spaceProofInfo: SpaceProofInfo;
  readonly teeSignature: Hex;
}

export interface Challenge {
  /** The miner as it was when it was asked. */
  readonly minerSnapshot: Snapshot;
  readonly challengeElement: {
    readonly start: number;
    readonly idleSlip: number;
    readonly serviceSlip: number;
    readonly verifySlip: number;
    readonly spaceParam: readonly bigint[];
    readonly serviceParam: { readonly randomIndexList: readonly number[]; readonly randomList: readonly Hex[] };
  };
  readonly proveInfo: {
    /** How often the proofs went to verifiers again. */
    assign: number;
    idleProve: { teePuk: Hex; idleProve: Hex; verifyResult: boolean | null } | null;
    serviceProve: { teePuk: Hex; serviceProve: Hex; verifyResult: boolean | null } | null;
  };
}

/** Bytes that a miner proves, and a verifier checks, in a block; what everybody has besides. */
const idleBytesPerBlock = 203_613_264n;
const serviceBytesPerBlock = 25_165_824n;
const verifiedBytesPerBlock = 2_147_483_648n;
const graceBlocks = 50;
const oneHour = 600;
/** Of the 1024 chunks of a fragment, 46 in a thousand are asked for. */
const chunkCount = 1024;
const sampledChunks = Math.floor((chunkCount * 46) / 1000);
const spaceSamples = 8;

/** Layers, nodes and degree of the graph behind idle files. */
export const expenders = storedMaybe<readonly [bigint, bigint, bigint]>("Sminer", "Expenders");

/** @returns undefined for a miner that has nothing to prove, or where nobody could verify it */
export function challengeFor(context: Context, miner: Hex): Challenge | undefined {
  const found = miners.find(context.state, miner);
  const graph = expenders.find(context.state);
  const { length: verifierCount } = verifiers.get(context.state);
  if (found?.spaceProofInfo == null || graph === undefined || verifierCount === 0) return undefined;
  const { idleSpace, serviceSpace, serviceBloomFilter, spaceProofInfo, teeSignature } = found;
  if (idleSpace + serviceSpace === 0n) return undefined;
  const start = context.block;
  const idleSlip = start + Number(idleSpace / idleBytesPerBlock) + graceBlocks;
  const serviceSlip = start + Number(serviceSpace / serviceBytesPerBlock) + graceBlocks;
  const verifyBlocks = Number((idleSpace + serviceSpace) / verifiedBytesPerBlock / BigInt(verifierCount));
  return {
    minerSnapshot: { idleSpace, serviceSpace, serviceBloomFilter, spaceProofInfo, teeSignature },
    challengeElement: {
      start,
      idleSlip,
      serviceSlip,
      verifySlip: Math.max(idleSlip, serviceSlip) + verifyBlocks + oneHour,
      spaceParam: spaceParam(context, miner, graph),
      serviceParam: serviceParam(context, miner),
    },
    proveInfo: { assign: 0, idleProve: null, serviceProve: null },
  };
}

/** The verifier that a proof goes to. */
export function selectVerifier(context: Context): Hex {
  const list = verifiers.get(context.state);
  ensure(list.length > 0, "Audit", "SystemError");
  return list[Number(BigInt(chance(context)) % BigInt(list.length))]!;
}

/** Other verifiers, more time. */
export function reassign(context: Context, { minerSnapshot, challengeElement, proveInfo }: Challenge): Challenge {
  const { idleSpace, serviceSpace } = minerSnapshot;
  const blocksFor = (space: bigint): number => Number(space / verifiedBytesPerBlock);
  const verifySlip = context.block + Math.max(blocksFor(idleSpace), blocksFor(serviceSpace)) + oneHour;
  const hasVerifiers = verifiers.get(context.state).length > 0;
  const goesOn = <P extends { teePuk: Hex } | null>(proof: P): P =>
    proof === null || !hasVerifiers ? proof : { ...proof, teePuk: selectVerifier(context) };
  return {
    minerSnapshot,
    challengeElement: { ...challengeElement, verifySlip },
    proveInfo: {
      assign: proveInfo.assign + 1,
      idleProve: goesOn(proveInfo.idleProve),
      serviceProve: goesOn(proveInfo.serviceProve),
    },
  };
}

/** A run of random 32 bytes that only this block and miner have. */
function* randoms(context: Context, miner: Hex): Generator<Hex> {
  for (let i = 0; ; i += 1) yield chance(context, miner, `0x${Buffer.from(encode("u32", i)).toString("hex")}`);
}

/** As many values as asked for, each another one. */
function distinct<T>(source: Generator<Hex>, count: number, read: (random: Hex) => T): T[] {
  const found = new Set<T>();
  while (found.size < count) found.add(read(source.next().value));
  return [...found];
}

function serviceParam(context: Context, miner: Hex) {
  const source = randoms(context, miner);
  return {
    randomIndexList: distinct(source, sampledChunks, (random) => Number(BigInt(random) % BigInt(chunkCount))),
    randomList: distinct(source, sampledChunks, (random) => random.slice(0, 42) as Hex),
  };
}

/** Nodes of the graph's last layer. */
const spaceParam = (context: Context, miner: Hex, [, nodes, degree]: readonly [bigint, bigint, bigint]): bigint[] =>
  distinct(randoms(context, miner), spaceSamples, (random) => nodes * degree + (BigInt(random) % nodes));
