import type { AccountId, CodedError, Fid, FragmentHash, SegmentHash } from "@granary/primitives";

/** `0x` and 64 hexadecimal characters. */
export type BlockHash = string;
export interface BlockRef {
  readonly number: number;
  readonly hash: BlockHash;
}

/** Which state a read sees. Act on money and release of data from "finalized" (the default) only. */
export type At = "finalized" | "best" | BlockHash;

export interface ChainStatus {
  readonly genesisHash: BlockHash;
  readonly specName: string;
  readonly specVersion: number;
  readonly best: BlockRef;
  readonly finalized: BlockRef;
  /** The node itself says that it is still catching up with its peers. */
  readonly isSyncing: boolean;
}

export type TerritoryState = "active" | "frozen" | "expired" | "on-consignment";
export interface Territory {
  readonly account: AccountId;
  readonly name: string;
  readonly token: string;
  readonly state: TerritoryState;
  readonly totalBytes: number;
  readonly usedBytes: number;
  readonly lockedBytes: number;
  readonly remainingBytes: number;
  readonly startBlock: number;
  readonly deadlineBlock: number;
}

/** An offer to sell a territory. */
export interface Consignment {
  readonly token: string;
  readonly seller: AccountId;
  /** In the smallest unit. */
  readonly price: bigint;
  /** Who has bought it, and the block in which it is handed over; null while anybody may buy it. */
  readonly sold: { readonly buyer: AccountId; readonly block: number } | null;
}

export interface SegmentDeclaration {
  readonly hash: SegmentHash;
  /** Column 1 first. */
  readonly fragments: readonly FragmentHash[];
}

export interface FileOwner {
  readonly account: AccountId;
  readonly territory: string;
  readonly name: string;
}

/** An open storage order. */
export interface Deal {
  readonly fid: Fid;
  readonly owner: FileOwner;
  readonly sizeBytes: number;
  readonly segments: readonly SegmentDeclaration[];
  /** In the order in which the chain took them. */
  readonly reports: readonly { readonly index: number; readonly miner: AccountId }[];
}

export interface FileFragment {
  readonly hash: FragmentHash;
  readonly miner: AccountId;
  readonly isAvailable: boolean;
  /** The block in which its tag was reported; null before. */
  readonly taggedBlock: number | null;
}

export interface ChainFile {
  readonly fid: Fid;
  readonly state: "active" | "calculate" | "missing" | "recovery";
  readonly sizeBytes: number;
  readonly completedBlock: number;
  readonly owners: readonly FileOwner[];
  /** Column 1 first in `fragments`. */
  readonly segments: readonly { readonly hash: SegmentHash; readonly fragments: readonly FileFragment[] }[];
}

export interface Miner {
  readonly account: AccountId;
  /** positive, frozen, exit, lock, offline, not ready */
  readonly state: string;
  /** What the miner registered: a URL or host:port; on runtimes with peer ids, the peer id in base58. */
  readonly endpoint: string;
  readonly beneficiary: AccountId;
  readonly collateral: bigint;
  readonly debt: bigint;
  readonly declaredBytes: number;
  readonly idleBytes: number;
  readonly serviceBytes: number;
  readonly lockedBytes: number;
}

/** A file that an account holds; `occupiedBytes` is the territory space that it takes, not its size. */
export interface Holding {
  readonly territory: string;
  readonly fid: Fid;
  readonly occupiedBytes: number;
}

export interface GatewayRecord {
  readonly account: AccountId;
  readonly domain: string;
}

interface EventOrigin {
  /** Place in the block of the extrinsic that caused it; null for what the chain does by itself. */
  readonly extrinsicIndex: number | null;
}

/** Events in our words. What carries a hash that is no FID, or is not listed here, comes as `other`. */
export type ChainEvent = EventOrigin &
  (
    | { readonly kind: "territoryMinted"; readonly token: string; readonly name: string }
    /** The runtime does not say whose territory: look at every account that has one of this name, or by the token. */
    | {
        readonly kind: "territoryChanged";
        readonly change: string;
        readonly token: string | null;
        readonly name: string | null;
      }
    /** Somebody paid for an order: it bought a territory, or made one larger or last longer. */
    | { readonly kind: "orderPaid"; readonly order: string }
    | { readonly kind: "authorized"; readonly owner: AccountId; readonly operator: AccountId }
    | { readonly kind: "authorizationCancelled"; readonly owner: AccountId; readonly operator: AccountId }
    | { readonly kind: "gatewayRegistered"; readonly account: AccountId }
    | { readonly kind: "gatewayUpdated"; readonly account: AccountId }
    | { readonly kind: "gatewayRemoved"; readonly account: AccountId }
    /** Also for a flash upload: then no deal exists, and the owner is appended to the file. */
    | { readonly kind: "dealDeclared"; readonly fid: Fid; readonly owner: AccountId; readonly operator: AccountId }
    /** The runtime does not say which column: compare the deal (or the file) of this block with what was known. */
    | { readonly kind: "columnReport"; readonly fid: Fid; readonly miner: AccountId }
    | { readonly kind: "storageCompleted"; readonly fid: Fid }
    | { readonly kind: "columnTagged"; readonly fid: Fid; readonly miner: AccountId }
    | { readonly kind: "fileDeleted"; readonly fid: Fid; readonly owner: AccountId; readonly operator: AccountId }
    | { readonly kind: "fileDelivered"; readonly fid: Fid; readonly territory: string }
    | { readonly kind: "restoralOrdered"; readonly fragment: FragmentHash; readonly miner: AccountId }
    | { readonly kind: "restoralClaimed"; readonly fragment: FragmentHash; readonly miner: AccountId }
    | { readonly kind: "restoralCompleted"; readonly fragment: FragmentHash; readonly miner: AccountId }
    | { readonly kind: "minerRegistered"; readonly account: AccountId }
    /** Anything of the miner's own state: read it again. `change` is the chain's name of the event. */
    | { readonly kind: "minerChanged"; readonly account: AccountId; readonly change: string }
    | {
        readonly kind: "transferred";
        readonly from: AccountId;
        readonly to: AccountId;
        readonly amount: bigint;
      }
    /** With the tip; also for a call that failed. */
    | { readonly kind: "feePaid"; readonly account: AccountId; readonly amount: bigint }
    | { readonly kind: "runtimeUpdated" }
    | { readonly kind: "extrinsicSucceeded" }
    | { readonly kind: "extrinsicFailed"; readonly failure: DispatchFailure }
    /** The extrinsic is said to have succeeded, the call inside `sudo` did not. */
    | { readonly kind: "sudoFailed"; readonly failure: DispatchFailure }
    | { readonly kind: "other"; readonly pallet: string; readonly name: string }
  );
export type ChainEventKind = ChainEvent["kind"];

export interface FinalizedBlock extends BlockRef {
  readonly parentHash: BlockHash;
  readonly events: readonly ChainEvent[];
}

/** A finalized block on the way to the newest one. */
export interface FollowedBlock extends FinalizedBlock {
  /** Height of the newest finalized block when this one was read. */
  readonly headNumber: number;
}

/** What the chain asks for space. */
export interface UnitPrice {
  /** Of one GiB for so many days, in the smallest unit. */
  readonly amount: bigint;
  readonly days: 1 | 30;
}

export interface ChainReader {
  /** Tokens (in the smallest unit) below which an account does not exist. */
  readonly existentialDeposit: bigint;
  status(): Promise<ChainStatus>;
  finalizedHead(): Promise<BlockRef>;
  bestHead(): Promise<BlockRef>;
  /** Hash of the block of this height on the node's best chain; null when there is none (yet). */
  blockHash(number: number): Promise<BlockHash | null>;
  territory(account: AccountId, name: string, at?: At): Promise<Territory | null>;
  /** Whose territory a token is. */
  territoryOfToken(token: string, at?: At): Promise<{ readonly account: AccountId; readonly name: string } | null>;
  /** Whose territory an order for space is about; orders stay for a while after they were paid. */
  territoryOfOrder(order: string, at?: At): Promise<{ readonly account: AccountId; readonly name: string } | null>;
  territories(account: AccountId, at?: At): Promise<readonly Territory[]>;
  /** Every territory of every account, page by page. */
  allTerritories(at?: At): AsyncIterable<readonly Territory[]>;
  /** The offer of the territory with this token. */
  consignment(token: string, at?: At): Promise<Consignment | null>;
  /** Every offer, page by page. */
  consignments(at?: At): AsyncIterable<readonly Consignment[]>;
  /** null when the chain has no price yet. */
  unitPrice(at?: At): Promise<UnitPrice | null>;
  isAuthorized(owner: AccountId, operator: AccountId, at?: At): Promise<boolean>;
  authorizations(owner: AccountId, at?: At): Promise<readonly AccountId[]>;
  allAuthorizations(
    at?: At,
  ): AsyncIterable<readonly { readonly owner: AccountId; readonly operators: readonly AccountId[] }[]>;
  /** The gateway record of an account in the Oss pallet. */
  gateway(account: AccountId, at?: At): Promise<GatewayRecord | null>;
  deal(fid: Fid, at?: At): Promise<Deal | null>;
  /** FIDs of all open deals, page by page. */
  openDeals(at?: At): AsyncIterable<readonly Fid[]>;
  file(fid: Fid, at?: At): Promise<ChainFile | null>;
  miner(account: AccountId, at?: At): Promise<Miner | null>;
  minersOf(accounts: readonly AccountId[], at?: At): Promise<ReadonlyMap<AccountId, Miner>>;
  /** Every miner, page by page, all from the same state. */
  miners(at?: At): AsyncIterable<readonly Miner[]>;
  holdings(account: AccountId, at?: At): Promise<readonly Holding[]>;
  freeBalance(account: AccountId, at?: At): Promise<bigint>;
  /** Nonce in the state. */
  nonce(account: AccountId, at?: At): Promise<number>;
  /** Nonce after everything that the node has in its pool. */
  nextNonce(account: AccountId): Promise<number>;
  /**
   * Finalized blocks after `after`, one by one, in order, without gaps; ends when `signal` is aborted.
   * @throws CodedError CHAIN_HISTORY_MISMATCH (conflict) when `after` is not on this chain; CHAIN_STATE_PRUNED
   * (exhausted) when the node no longer has that state; CHAIN_UNREACHABLE (unavailable): call again.
   */
  followFinalized(options: { after: BlockRef; signal: AbortSignal }): AsyncIterable<FollowedBlock>;
}

/** An encoded call, made by `ChainCalls` for the runtime that the client is connected to. */
export interface ChainCall {
  readonly pallet: string;
  readonly name: string;
  readonly hex: string;
}

export interface DealDeclaration {
  readonly fid: Fid;
  readonly segments: readonly SegmentDeclaration[];
  readonly owner: AccountId;
  /** 3..63 bytes. */
  readonly name: string;
  readonly territory: string;
  readonly sizeBytes: number;
}

/** Builders of calls. @throws CodedError CHAIN_CALL_UNKNOWN (invalid) when the runtime has no such call */
export interface ChainCalls {
  uploadDeclaration(declaration: DealDeclaration): ChainCall;
  deleteFile(owner: AccountId, fid: Fid): ChainCall;
  /** `index` 1..12; signed by the miner. */
  transferReport(index: number, fid: Fid): ChainCall;
  /** `domain`: a URL of at most 50 bytes. */
  registerGateway(domain: string): ChainCall;
  updateGateway(domain: string): ChainCall;
  destroyGateway(): ChainCall;
  authorize(operator: AccountId): ChainCall;
  cancelAuthorize(operator: AccountId): ChainCall;
  mintTerritory(name: string, gib: number, days: number): ChainCall;
  expandTerritory(name: string, gib: number): ChainCall;
  renewTerritory(name: string, days: number): ChainCall;
  reactivateTerritory(name: string, days: number): ChainCall;
  renameTerritory(from: string, to: string): ChainCall;
  grantTerritory(name: string, receiver: AccountId): ChainCall;
  /** Offers an empty territory for sale. `price` in the smallest unit. */
  consignTerritory(name: string, price: bigint): ChainCall;
  cancelConsignment(name: string): ChainCall;
  /** The price is reserved now and paid when the territory is handed over, as the buyer's `name`. */
  buyConsignment(token: string, name: string): ChainCall;
  cancelPurchase(token: string): ChainCall;
  transfer(to: AccountId, amount: bigint): ChainCall;
  registerMiner(options: { beneficiary: AccountId; endpoint: string; stake: bigint; declaredTib: number }): ChainCall;
  updateMinerEndpoint(endpoint: string): ChainCall;
  exitMiner(miner: AccountId): ChainCall;
  /** All or nothing. */
  batch(calls: readonly ChainCall[]): ChainCall;
  sudo(call: ChainCall): ChainCall;
  /** Any call by its metadata names (snake_case or camelCase) for what has no builder here. */
  raw(pallet: string, name: string, args: readonly unknown[]): ChainCall;
}

/** Signs for one account. The key stays inside. */
export interface Signer {
  readonly account: AccountId;
  readonly publicKey: Uint8Array;
  /** Raw sr25519 signature, 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

/** A signed extrinsic. Persist it before `submit`; it can be included only in blocks ≤ `deathBlock`. */
export interface PreparedExtrinsic {
  readonly extrinsicHex: string;
  readonly hash: string;
  readonly nonce: number;
  readonly birthBlock: number;
  readonly deathBlock: number;
}

/** Why the runtime refused a call that was in a block. `name` is the chain's own ("InsufficientAvailableSpace"). */
export interface DispatchFailure {
  readonly pallet: string;
  readonly name: string;
}

export type DispatchOutcome =
  | { readonly ok: true; readonly events: readonly ChainEvent[] }
  | { readonly ok: false; readonly failure: DispatchFailure; readonly error: CodedError };

export interface Inclusion {
  readonly block: BlockRef;
  readonly extrinsicIndex: number;
  readonly outcome: DispatchOutcome;
  /** What it cost its signer, in the smallest unit; absent where the runtime does not say. */
  readonly fee?: bigint;
}

/**
 * What became of a submitted extrinsic. `finalized`, `dropped`, `usurped`, `invalid` and `unfinalized` are the last.
 * After `dropped` and `unfinalized` it may still be included until its death block: `findInclusion` tells.
 */
export type SubmissionUpdate =
  | { readonly kind: "accepted" }
  | ({ readonly kind: "inBlock" } & Inclusion)
  | { readonly kind: "retracted"; readonly blockHash: BlockHash }
  | ({ readonly kind: "finalized" } & Inclusion)
  | { readonly kind: "dropped" | "usurped" | "invalid" | "unfinalized"; readonly reason: string };

export interface ChainWriter {
  /** Signs with a mortal era of 64 blocks that begins at the newest finalized block (at a recent one while finality stalls). */
  prepare(signer: Signer, call: ChainCall, options: { nonce: number; tip?: bigint }): Promise<PreparedExtrinsic>;
  /**
   * Submits and follows. Leaving the iteration early stops the following, not the extrinsic.
   * @throws CodedError when the node's pool refuses: TX_NONCE_STALE, TX_NONCE_TAKEN (conflict), TX_MORTALITY_EXPIRED
   * (conflict), TX_FEES_UNPAYABLE, TX_POOL_FULL (exhausted), TX_REFUSED (invalid), CHAIN_UNREACHABLE (unavailable).
   * "Already in the pool" is not an error: the extrinsic is followed by reading blocks.
   */
  submit(extrinsicHex: string): AsyncIterable<SubmissionUpdate>;
  /** Puts an extrinsic into the node's pool, where it may be already, and does not follow it. @throws as `submit` */
  offer(extrinsicHex: string): Promise<void>;
  /** Looks for an extrinsic in the blocks `from`..`to` (inclusive; those that exist) of the best chain. */
  findInclusion(extrinsicHash: string, fromBlock: number, toBlock: number): Promise<Inclusion | null>;
  /**
   * Prepares, submits and waits for finality; refused calls are thrown as CodedError. Several of one account may be under
   * way: within this process they take their nonces one after the other.
   * @throws CodedError TX_LOST (unavailable), TX_UNFINALIZED (timeout), what `submit` throws, or the chain's refusal
   */
  signAndFinalize(signer: Signer, call: ChainCall): Promise<Inclusion>;
  /** As signAndFinalize, but returns as soon as it is in a block. */
  signAndInclude(signer: Signer, call: ChainCall): Promise<Inclusion>;
  /** What the call would cost the signer in fees, in the smallest unit. */
  estimateFee(signer: Signer, call: ChainCall): Promise<bigint>;
}

/** One of the nodes that a client was given, as it was seen last. */
export interface NodeStanding {
  /** Host and port; the rest of the address may be a key. */
  readonly host: string;
  readonly isCurrent: boolean;
  /** It answers, and is of this chain. */
  readonly isUp: boolean;
  /** Finalized blocks that another node has and this one has not; null where that is not known. */
  readonly lagBlocks: number | null;
}

export interface ChainClient {
  readonly reader: ChainReader;
  readonly writer: ChainWriter;
  readonly calls: ChainCalls;
  /** Whether the connection stands at this moment. */
  isConnected(): boolean;
  /** The nodes in the order in which they were given. */
  nodes(): readonly NodeStanding[];
  close(): Promise<void>;
}
