import type { MessageOf, OutputOf } from "@granary/contracts";
import type { Transaction } from "@granary/database";
import type { SegmentManifest } from "@granary/domain/object";
import type { SegmentDigests } from "@granary/erasure";
import type { Fid, UploadId } from "@granary/primitives";

export interface Failure {
  readonly code: string;
  readonly reason: string;
}

/** An encoding that is ours until its lease runs out. */
export interface Claim {
  readonly uploadId: UploadId;
  readonly sizeBytes: number;
  readonly stagedBytes: number;
  readonly segmentCount: number;
  /** Counts claims, and so tells ours from a later one: whoever lost the lease cannot write any more. */
  readonly attempt: number;
}

/** An encoding that nobody works on, named so that each attempt is another job. */
export interface DueEncoding {
  readonly uploadId: UploadId;
  readonly attempts: number;
  /** W3C traceparent of the fact that began it. */
  readonly trace: string | null;
}

/** The encodings in Postgres. What ends one announces it in the same transaction. */
export interface EncodingStore {
  /** Adds the encoding; announces the end again of one that has ended already. */
  accept(tx: Transaction, message: MessageOf<"uploadReceived">): Promise<void>;
  due(limit: number): Promise<readonly DueEncoding[]>;
  /** Null when it has ended, is another's, or is not due yet. */
  claim(uploadId: UploadId): Promise<Claim | null>;
  /** False when the claim is lost. */
  renew(claim: Claim): Promise<boolean>;
  /** Segments that are encoded already: where an earlier attempt came to. */
  encodedIndices(uploadId: UploadId): Promise<ReadonlySet<number>>;
  /** The same digests may be saved twice. */
  saveSegment(uploadId: UploadId, index: number, digests: SegmentDigests): Promise<void>;
  segments(uploadId: UploadId, from: number, count: number): Promise<readonly SegmentManifest[]>;
  /** False when the claim is lost; then nothing has changed. So for `fail`. */
  seal(claim: Claim, fid: Fid): Promise<boolean>;
  fail(claim: Claim, failure: Failure): Promise<boolean>;
  retryAfter(claim: Claim, delayMs: number): Promise<void>;
  /** Lets go at once, without counting the attempt. */
  giveBack(claim: Claim): Promise<void>;
  /** For operators. Null when it is not known. */
  show(uploadId: UploadId): Promise<OutputOf<"encodingShow">["encoding"]>;
  /** Whether the upload is encoded, and its segment count. Null when it is not known. */
  standing(uploadId: UploadId): Promise<{ readonly isEncoded: boolean; readonly segmentCount: number } | null>;
}

/** One of a fixed number of places for a segment. */
export interface SegmentSlot {
  /** The segment's quarters, one behind the other in the file and each in a place of its own here. */
  readonly quarters: readonly Uint8Array[];
  /** Hashes of the segment and its fragments, computed off the main thread. */
  digest(): Promise<SegmentDigests>;
  release(): void;
}

export interface SegmentEncoder {
  /** Waits until a place is free: this is what bounds memory. Rejects when the signal is aborted. */
  take(signal: AbortSignal): Promise<SegmentSlot>;
}

export type EncodeOutcome = "encoded" | "failed" | "retried" | "interrupted" | "not-due";
export type ManifestPage = OutputOf<"manifestSegments">;

/** States of an encoding that are not its end. */
export const openEncodingStates = ["queued", "encoding"] as const;
export type OpenEncodingState = (typeof openEncodingStates)[number];
export type OpenEncodings = Readonly<
  Record<OpenEncodingState, { readonly count: number; readonly oldestSeconds: number }>
>;
