import type { Changes, StateReader } from "../store/versioned-store.js";
import { decode, encode, type Hex } from "./codec.js";
import type { Header } from "./header.js";

/**
 * What runs the chain's rules. Pool, blocks, history, finality and JSON-RPC are the same around every engine; an
 * engine knows transactions, state transitions and the runtime's functions. It keeps nothing between calls that is not
 * derived from the state it is given.
 */
export interface Engine<T extends PoolTransaction = PoolTransaction> {
  readonly identity: ChainIdentity;
  /** Block and state of a new chain. */
  genesis(): BuiltBlock;
  /** @throws ScaleError on anything but one whole extrinsic; @returns null where it has no signer */
  decode(bytes: Uint8Array): T | null;
  /** Whether the transaction could be in the block after `ground`. */
  validate(ground: Ground, transaction: T): Validity;
  /**
   * Begins the block after `ground`, inherents included.
   * @param now milliseconds since the epoch
   */
  begin(ground: Ground, now: number): BlockInProgress<T>;
  /**
   * Runs one of the runtime's functions on a state and forgets what it wrote.
   * @throws ExecutionFailed where there is no such function or it does not come to its end
   */
  call(ground: Ground, name: string, args: Uint8Array): Uint8Array;
  version(state: StateReader): RuntimeVersion;
}

/** What nodes say of themselves, in `system_*`. */
export interface ChainIdentity {
  readonly chain: string;
  readonly chainType: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

export interface Block {
  readonly hash: Hex;
  readonly header: Header;
  readonly extrinsics: readonly Uint8Array[];
}
export interface BuiltBlock {
  readonly block: Block;
  readonly changes: Changes;
}

/** As much of a signed transaction as the pool needs. */
export interface PoolTransaction {
  /** As clients send it and blocks list it, length prefix included. */
  readonly bytes: Uint8Array;
  readonly hash: Hex;
  readonly signed: { readonly account: Hex; readonly nonce: number; readonly tip: bigint };
}

/** A block with the state it left: what transactions are judged by and the next block stands on. */
export interface Ground {
  readonly block: Block;
  readonly state: StateReader;
  /** Hash of the chain's first block. */
  readonly genesis: Hex;
}

export interface BlockInProgress<T extends PoolTransaction = PoolTransaction> {
  /** `taken`: it is in the block, whether its call succeeded or not. `later`: valid, but not in this block. */
  offer(transaction: T): "taken" | "later" | "invalid";
  finish(): BuiltBlock;
}

/** Why a transaction cannot be taken, with the words that nodes use; in the order of their indices in SCALE. */
export const invalidReasons = {
  Call: "Transaction call is not expected",
  Payment: "Inability to pay some fees (e.g. account balance too low)",
  Future: "Transaction will be valid in the future",
  Stale: "Transaction is outdated",
  BadProof: "Transaction has a bad signature",
  AncientBirthBlock: "Transaction has an ancient birth block",
  ExhaustsResources: "Transaction would exhaust the block limits",
  Custom: "Custom error",
  BadMandatory: "A call was labelled as mandatory, but resulted in an Error",
  MandatoryValidation: "Transaction dispatch is mandatory; transactions must not be validated",
  BadSigner: "Invalid signing address",
} as const;
export type InvalidReason = keyof typeof invalidReasons;
export const invalidIndex = Object.keys(invalidReasons) as readonly InvalidReason[];

export type Validity =
  | {
      readonly isValid: true;
      /** Transactions before it are missing. */
      readonly isFuture: boolean;
      /** First block that it cannot be in any more. */
      readonly diesAt: number;
    }
  | { readonly isValid: false; readonly reason: InvalidReason; readonly detail?: string };

/** The runtime did not answer: it has no such function, or came to a halt in it. */
export class ExecutionFailed extends Error {}

export interface RuntimeVersion {
  readonly specName: string;
  readonly implName: string;
  readonly authoringVersion: number;
  readonly specVersion: number;
  readonly implVersion: number;
  readonly apis: readonly (readonly [Hex, number])[];
  readonly transactionVersion: number;
  readonly systemVersion: number;
}

/** The runtime's metadata in the version that `state_getMetadata` speaks of. */
export const metadataOf = (engine: Engine, ground: Ground): Uint8Array =>
  Buffer.from(decode<Hex>("Vec<u8>", engine.call(ground, "Metadata_metadata", new Uint8Array())).slice(2), "hex");

export const nonceOf = (engine: Engine, ground: Ground, account: Hex): number =>
  decode<number>("u32", engine.call(ground, "AccountNonceApi_account_nonce", encode("AccountId32", account)));
