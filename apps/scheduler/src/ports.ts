import type {
  BlockRef,
  ChainCall,
  ChainCalls,
  ChainReader,
  ChainWriter,
  DispatchOutcome,
  Inclusion,
  PreparedExtrinsic,
  Signer,
} from "@granary/chain-client";
import type { ChainMiner, OperatorAction, OutputOf, PlacementWishes } from "@granary/contracts";
import type { AuditAction, Transaction } from "@granary/database";
import type { Deal, DealEvent, Failure } from "@granary/domain/deal";
import type { Candidate, Experience, Instant, Observation, RosterOrder, RosterResult } from "@granary/domain/miner";
import type { SegmentManifest } from "@granary/domain/object";
import type { AccountId, Fid, FragmentHash, UploadId } from "@granary/primitives";

/** Milliseconds since 1970. */
export type Clock = () => Instant;

/** What the scheduler reads of the chain. */
export type ChainPort = Pick<
  ChainReader,
  | "deal"
  | "file"
  | "territory"
  | "isAuthorized"
  | "finalizedHead"
  | "bestHead"
  | "blockHash"
  | "nonce"
  | "gateway"
  | "freeBalance"
>;
export type CallsPort = Pick<ChainCalls, "uploadDeclaration" | "deleteFile" | "registerGateway" | "updateGateway">;
export type WriterPort = Pick<ChainWriter, "prepare" | "submit" | "offer" | "findInclusion">;

/** A deal as Postgres has it. */
export interface DealRecord {
  readonly uploadId: UploadId;
  readonly fid: Fid;
  readonly account: AccountId;
  readonly territory: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly stagedBytes: number;
  readonly segmentCount: number;
  readonly placement: PlacementWishes | null;
  readonly createdAt: Instant;
  /** When it was opened, or taken up again: what all patience with it counts from. */
  readonly since: Instant;
  readonly revision: number;
  /** How often its declaration was tried. */
  readonly attempts: number;
  /** W3C traceparent of the fact that opened it. */
  readonly trace: string | null;
  /** What is in its way at present, or what made it fail. */
  readonly obstacle: Failure | null;
  readonly deal: Deal;
}

export type NewDeal = Omit<DealRecord, "createdAt" | "since" | "revision" | "attempts" | "trace" | "obstacle" | "deal">;

/** A deal under its row lock. What is applied is written, with all its effects, when the transaction ends. */
export interface LockedDeal {
  /** As it is by now, everything applied. */
  readonly record: DealRecord;
  apply(event: DealEvent): void;
  /**
   * Of miners whose rest is over, those whose one column is this deal's to give: until its change is committed no other deal
   * gets an answer with them in it.
   */
  claimProbes(accounts: readonly AccountId[]): Promise<ReadonlySet<AccountId>>;
  /** Why the miner of a column that was just assigned was chosen. */
  explain(index: number, reason: object): void;
  /** When to look at the deal as a whole again. */
  lookAgainAt(at: Instant): void;
  setObstacle(obstacle: Failure | null): void;
  /** From now on all patience counts anew. */
  countPatienceAnew(): void;
  /** Tells the standing also if nothing changed: somebody may not have heard. */
  announceAgain(): void;
}

/** Every time a column of a deal was given to a miner. */
export interface Attempt {
  readonly index: number;
  readonly miner: AccountId;
  readonly startedAt: Instant;
  readonly endedAt: Instant | null;
  readonly outcome: string | null;
  /** Why this miner: the parts of its score when it was chosen. */
  readonly reason: Readonly<Record<string, unknown>> | null;
}

/** An attempt as the history of its miner has it. */
export interface PastAttempt extends Attempt {
  readonly uploadId: UploadId;
  readonly fid: Fid;
}

export interface DueJob {
  readonly name: string;
  /** W3C traceparent of the deal. */
  readonly trace: string | null;
}

export interface DealStore {
  /** Opens the deal of an upload; for one that is known, announces its standing again. */
  open(deal: NewDeal, tx: Transaction): Promise<void>;
  find(uploadId: UploadId): Promise<DealRecord | null>;
  /** The newest of the FID. */
  findByFid(fid: Fid): Promise<DealRecord | null>;
  attempts(uploadId: UploadId, tx?: Transaction): Promise<readonly Attempt[]>;
  /** Waits for the row; null when there is none. */
  change<T>(uploadId: UploadId, work: (deal: LockedDeal) => T | Promise<T>, tx?: Transaction): Promise<T | null>;
  /** As change, but null as well when somebody else has the row. */
  tryChange<T>(uploadId: UploadId, work: (deal: LockedDeal) => T | Promise<T>): Promise<T | null>;
  /** Deals of a FID that are not at an end. */
  openOf(fid: Fid, tx: Transaction): Promise<readonly UploadId[]>;
  /** Has all deals of a FID that are not at an end looked at now. */
  nudge(fid: Fid, tx?: Transaction): Promise<void>;

  /** Deals whose declaration is due, named so that each attempt is another job. */
  dueDeclarations(limit: number): Promise<readonly DueJob[]>;
  /** Ours until the lease runs out; null when it is another's or not due. */
  claimDeclaration(uploadId: UploadId): Promise<DealRecord | null>;
  renewDeclaration(uploadId: UploadId): Promise<void>;
  releaseDeclaration(uploadId: UploadId): Promise<void>;
  /**
   * Makes this deal the one that declares its FID, unless another deal of the same FID is being declared or placed;
   * two of them would send the same columns twice.
   */
  beginDeclaration(uploadId: UploadId): Promise<boolean>;

  /** Deals with columns that wait for a miner, named so that each round is another job. */
  dueRounds(limit: number): Promise<readonly DueJob[]>;
  /** Deals with a lease or a report deadline that is over. */
  lapsed(limit: number): Promise<readonly UploadId[]>;
  /** Deals that are on chain and were not compared with it for a while. */
  dueReviews(limit: number): Promise<readonly UploadId[]>;
  /** Extends the leases of columns that are still being sent to these miners; says whose are held. */
  renewColumns(
    uploadId: UploadId,
    columns: readonly { readonly index: number; readonly miner: AccountId }[],
  ): Promise<ReadonlySet<AccountId>>;
}

/** A miner as the pool keeps it. */
export interface MinerRecord extends Candidate {
  readonly endpoint: string;
  readonly lastFailure: { readonly code: string; readonly at: Instant } | null;
  readonly lastSuccessAt: Instant | null;
}

/** The pool of miners as a choice uses it; it goes through all of them only where it has to. */
export interface MinerView {
  choose(order: RosterOrder): RosterResult;
  endpointOf(account: AccountId): string | null;
  /** Where each is, for fences. */
  places(): Iterable<Pick<MinerRecord, "account" | "position">>;
}

export interface ReportStanding {
  /** Our columns there that are not reported. */
  readonly unreported: number;
  readonly reporting: Experience["reporting"];
  readonly evidence: Experience["evidence"];
}

/** Token buckets that all replicas draw from together. */
export interface Budgets {
  earn(name: BudgetName, tokens: number, capacity: number): Promise<void>;
  /** One after another over all replicas. `decide` is given what was left, and when, and says what is left now. */
  draw<T>(
    name: BudgetName,
    capacity: number,
    decide: (left: { readonly tokens: number; readonly at: Instant }) => {
      readonly tokens: number;
      readonly at: Instant;
      readonly result: T;
    },
  ): Promise<T>;
}
/** hedge: columns that may be sent to a second miner. redispatch: columns taken away for want of a report. */
export type BudgetName = "hedge" | "redispatch";

export interface MinerPool {
  /** Mirrors what the chain says. */
  mirror(miner: ChainMiner, tx?: Transaction): Promise<void>;
  /** Takes miners out that were not mirrored since: the chain does not have them any more. */
  retireUnseen(since: Instant): Promise<void>;
  /** All miners as they are by now, to choose from. */
  view(): Promise<MinerView>;
  /** All miners with all that is known of each: for questions, not for choices. */
  all(): Promise<readonly MinerRecord[]>;
  list(after: AccountId | null, count: number): Promise<readonly MinerRecord[]>;
  endpoints(accounts: readonly AccountId[]): Promise<ReadonlyMap<AccountId, string>>;
  /** What decides how long a miner's report is waited for; null when nobody knows it. */
  reportsOf(account: AccountId): Promise<ReportStanding | null>;
  judge(account: AccountId, observation: Observation, tx?: Transaction): Promise<Experience | null>;
  /** Miners whose rest is over and that nobody has asked since. */
  dueProbes(limit: number): Promise<readonly { readonly account: AccountId; readonly endpoint: string }[]>;
  markProbed(account: AccountId): Promise<void>;
  /** Of these, the miners that may have a column for their probe now, theirs alone who asks until `tx` ends. */
  claimProbes(accounts: readonly AccountId[], tx: Transaction): Promise<ReadonlySet<AccountId>>;
  find(account: AccountId): Promise<MinerRecord | null>;
  /** Newest first. */
  history(account: AccountId, count: number): Promise<readonly PastAttempt[]>;
  /** How many attempts with the miner ended how; those under way are not among them. */
  outcomes(account: AccountId): Promise<Readonly<Record<string, number>>>;
  /** False when nobody knows the miner. */
  quarantine(account: AccountId, reason: string, tx: Transaction): Promise<boolean>;
  /** Out of quarantine and rest, into the probe. False when nobody knows the miner. */
  release(account: AccountId, tx: Transaction): Promise<boolean>;
}

/** What operators did by hand: every deed leaves a record that is never changed. */
export interface OperatorLog {
  /** Does the work, and writes down who did it and why, in one transaction. */
  act<T>(
    deed: { readonly actor: string; readonly action: Deed; readonly subject: string; readonly reason: string },
    work: (tx: Transaction) => Promise<T>,
  ): Promise<T>;
  /** Newest first. */
  about(subject: string, count: number): Promise<OperatorAction[]>;
  list(before: string | null, count: number): Promise<OperatorAction[]>;
}
export type Deed = Extract<AuditAction, "miner.quarantined" | "miner.released" | "deal.resumed">;

export type Purpose = "declare" | "delete" | "register";
export type OpenTransactionState = "prepared" | "submitted" | "included";

/** An extrinsic of ours, written down before anybody else has seen it. */
export interface TransactionRecord {
  readonly id: string;
  readonly account: AccountId;
  readonly nonce: number;
  readonly hash: string;
  readonly purpose: Purpose;
  readonly reference: string;
  readonly extrinsicHex: string;
  readonly birthBlock: number;
  readonly deathBlock: number;
  readonly state: OpenTransactionState | "finalized" | "failed" | "lost";
  readonly block: BlockRef | null;
  readonly updatedAt: Instant;
}

export type OpenTransaction = TransactionRecord & { readonly state: OpenTransactionState };

export interface TransactionStore {
  /**
   * Adds a transaction to the account's lane. One at a time per account, over all replicas: `prepare` is given the
   * lowest nonce, from `stateNonce` up, that no open transaction has.
   * @throws CodedError TX_OPEN (conflict) where the account has an open one for the same purpose and reference
   */
  add(
    lane: { readonly account: AccountId; readonly purpose: Purpose; readonly reference: string },
    stateNonce: () => Promise<number>,
    prepare: (nonce: number) => Promise<PreparedExtrinsic>,
  ): Promise<TransactionRecord>;
  /** When it was marked; null when it has come to its end before: then it stays there. */
  mark(
    id: string,
    state: TransactionRecord["state"],
    more?: {
      /** Marks only what is in this state still: what was judged by it, and is in another by now, is judged anew. */
      readonly from?: OpenTransactionState;
      /** Marks only what nobody has marked or claimed since it was marked then. */
      readonly untouchedSince?: Instant;
      readonly block?: BlockRef | null;
      readonly failure?: Failure;
      /** What it cost, in the smallest unit. */
      readonly fee?: bigint;
    },
  ): Promise<Instant | null>;
  find(id: string): Promise<TransactionRecord | null>;
  openFor(purpose: Purpose, reference: string): Promise<OpenTransaction | null>;
  /** Open transactions that nobody has touched for a while, ours to look after for that long. */
  claimStale(limit: number): Promise<readonly OpenTransaction[]>;
}

export interface ManifestPort {
  segments(uploadId: UploadId, segmentCount: number): Promise<readonly SegmentManifest[]>;
}

/** One encoded segment in a buffer of the pool. */
export interface EncodedSegment {
  /** Row 0..11; present for the rows that were asked for. */
  fragment(row: number): Uint8Array;
  /** Gives the buffer back; no fragment may be used after. */
  release(): void;
}

export interface SegmentEncoder {
  /**
   * Waits for a place, has `read` fill it with the segment's bytes from each offset, and encodes the rows off the main thread.
   * @throws CodedError STAGED_BYTES_CORRUPT (corrupt) when the segment is not the one with this hash
   */
  encode(request: {
    readonly read: (into: Uint8Array, offset: number) => Promise<unknown>;
    readonly segmentHash: string;
    readonly rows: readonly number[];
    readonly signal: AbortSignal;
  }): Promise<EncodedSegment>;
}

export interface MinerGate {
  put(request: {
    readonly endpoint: string;
    readonly fid: Fid;
    readonly fragment: FragmentHash;
    readonly bytes?: Uint8Array;
    readonly signal: AbortSignal;
  }): Promise<void>;
  ping(endpoint: string): Promise<void>;
}

/** Why a miner was among those that were compared. */
export type PickKind = "drawn" | "preferred" | "exploration" | "probe";
/** won: the second miner was first; lost: the first was after all; failed: neither; no-budget: it was not begun. */
export type HedgeOutcome = "begun" | "won" | "lost" | "failed" | "no-budget";

/** What flows report to whoever counts. */
export interface Observer {
  columnEnded(outcome: string): void;
  /** All twelve columns are at miners, this long after the deal was opened. Again, where one had to be re-placed. */
  dealPlaced(seconds: number): void;
  dealActive(seconds: number): void;
  fragmentSent(seconds: number): void;
  relaxed(dimension: string): void;
  picked(kind: PickKind): void;
  /** One decision about the miners of a round. */
  decided(seconds: number): void;
  /** Bytes of fragments that a miner has taken. */
  bytesSent(bytes: number): void;
  /** A sender was done with a column that was not its any more: the bytes went out twice. */
  sentTwice(): void;
  /** A report came from a miner whose column had been taken away for want of it. */
  falselyRedispatched(): void;
  /** A column whose report was overdue is waited for longer, because too many are. */
  braked(): void;
  hedged(outcome: HedgeOutcome): void;
  /** Bytes that went to the loser of a hedge. */
  hedgeWasted(bytes: number): void;
  refusedMiners(counts: Readonly<Record<string, number>>, shortfall: number): void;
  transaction(state: TransactionRecord["state"]): void;
  /** In the smallest unit. */
  feePaid(amount: bigint): void;
  declared(step: string): void;
}

export type { BlockRef, Candidate, ChainCall, DispatchOutcome, Inclusion, Signer };
export type ChainMinersPage = OutputOf<"chainMinersList">;
