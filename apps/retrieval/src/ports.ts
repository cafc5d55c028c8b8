import type { AccountId, CodedError, Fid, FragmentHash, SegmentHash, UploadId } from "@granary/primitives";

export interface FragmentPlace {
  readonly hash: FragmentHash;
  /** Null where no miner is known to hold it: the object is staged and not yet active. */
  readonly miner: AccountId | null;
  /** What the chain says; a miner may have it even so. */
  readonly isAvailable: boolean;
}

export interface ReadableSegment {
  readonly hash: SegmentHash;
  /** Twelve, column 1 first. */
  readonly fragments: readonly FragmentPlace[];
}

/** An object that can be read, and all that is needed to check every byte of it. */
export interface ReadableObject {
  readonly fid: Fid;
  readonly sizeBytes: number;
  readonly segments: readonly ReadableSegment[];
  /** The upload whose bytes the gateway still has. */
  readonly staged: UploadId | null;
}

export interface StagedUpload {
  readonly uploadId: UploadId;
  readonly sizeBytes: number;
}

/** What other services know, remembered for a short while. */
export interface Directory {
  staged(fid: Fid): Promise<StagedUpload | null>;
  manifest(uploadId: UploadId): Promise<readonly ReadableSegment[]>;
  onChain(fid: Fid): Promise<{ readonly sizeBytes: number; readonly segments: readonly ReadableSegment[] } | null>;
  /** Endpoints of those of the miners that have one. */
  endpoints(miners: readonly AccountId[]): Promise<ReadonlyMap<AccountId, string>>;
  /** Asks anew, next time, where this object is. */
  forget(fid: Fid): void;
}

/** Where a segment's bytes came from. */
export type Source = "cache" | "staged" | "miners";

/** A segment of which any slice can be had, each checked before it is given out. */
export interface SegmentHandle {
  readonly source: Source;
  /** Bytes `start` ≤ offset < `end` of the segment, in memory of their own. */
  read(start: number, end: number): Promise<Uint8Array>;
  close(): void;
}

export interface Segments {
  /** Readers of one segment at one time share what it takes to get it. */
  open(object: ReadableObject, index: number, signal: AbortSignal): Promise<SegmentHandle>;
  /** As open, but only where that makes no one wait for memory: else null. */
  prefetch(object: ReadableObject, index: number, signal: AbortSignal): Promise<SegmentHandle> | null;
}

/** One fragment from one miner, checked against its hash. */
export interface FragmentSource {
  /**
   * Receives it into `into`, which holds anything after a failure. Once this has ended or its signal is aborted, whichever
   * is first, nothing is written there any more.
   * @throws CodedError with the code of the failure
   */
  fetch(request: FragmentRequest): Promise<void>;
}

export interface FragmentRequest {
  readonly fid: Fid;
  readonly fragment: FragmentHash;
  readonly miner: AccountId;
  readonly endpoint: string;
  /** Room for one fragment. */
  readonly into: Uint8Array;
  readonly signal: AbortSignal;
}

/** How miners have served us lately. */
export interface MinerCosts {
  /** Seconds that a fragment is expected to take, failures counted in. */
  costOf(miner: AccountId): number;
  /** How long it may take before asking another miner as well pays, where the budget has room. */
  hedgeAfterMs(miner: AccountId): number;
  /** How long it may take before another is asked in any case; never less than `hedgeAfterMs`. */
  stuckAfterMs(miner: AccountId): number;
  served(miner: AccountId, seconds: number): void;
  /** Was cancelled after so long, as others were faster. */
  overtaken(miner: AccountId, seconds: number): void;
  failed(miner: AccountId): void;
}

/** How many requests may be made only because others are slow. */
export interface HedgeBudget {
  asked(): void;
  /** @returns whether there was room for one more */
  take(): boolean;
}

export interface Evidence {
  readonly fid: Fid;
  readonly fragment: FragmentHash;
  readonly miner: AccountId;
  readonly reason: string;
}

/** Keeps evidence against a miner and announces it, in one transaction. Never rejects. */
export type RecordCorrupt = (evidence: Evidence) => Promise<void>;

/** Slower than most of its class; or as slow as only one that does not move any more. */
export type HedgeReason = "slow" | "stuck";

/** What a read tells those who count. */
export interface ReadObserver {
  fetched(outcome: "ok" | CodedError): void;
  hedged(reason: HedgeReason): void;
}
