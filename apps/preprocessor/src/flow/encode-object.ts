import type { BlobStore } from "@granary/blob-store";
import { type Encryption, encryptionOfStaged, sealManifest } from "@granary/domain/object";
import { asCodedError, CodedError, SEGMENTS_PER_FILE_MAX, type UploadId } from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import type { Claim, EncodeOutcome, EncodingStore, SegmentEncoder } from "../ports.js";
import { splitObject } from "./split-object.js";

export interface EncodeRules {
  readonly leaseMs: number;
  readonly attemptsMax: number;
  readonly backoffMs: number;
}

const BACKOFF_MAX_MS = 60_000;
/** A lease is renewed this often within its time, so that a renewal or two may fail. */
const RENEWALS_PER_LEASE = 4;

export interface EncodePorts {
  readonly encodings: EncodingStore;
  readonly staging: Pick<BlobStore, "open">;
  readonly encoder: SegmentEncoder;
  readonly log: Log;
  readonly failed?: (code: string, outcome: "failed" | "retried") => void;
}

/**
 * Staged bytes → hashes of segments and fragments → FID. Claims the encoding, so any number of replicas may be asked;
 * a crash midway leaves the segments done so far, and the next claim continues behind them.
 */
export async function encodeObject(
  ports: EncodePorts,
  rules: EncodeRules,
  uploadId: UploadId,
  stopping: AbortSignal,
): Promise<EncodeOutcome> {
  const claim = await ports.encodings.claim(uploadId);
  if (claim === null) return "not-due";
  const lease = keepLease(ports, rules.leaseMs, claim, stopping);
  try {
    checkCount(claim);
    await splitObject(ports, claim, lease.signal);
    const segments = await ports.encodings.segments(uploadId, 0, claim.segmentCount);
    const { fid } = sealManifest(claim.sizeBytes, segments, encryptionOf(claim));
    return (await ports.encodings.seal(claim, fid)) ? "encoded" : "interrupted";
  } catch (thrown) {
    if (stopping.aborted) await ports.encodings.giveBack(claim);
    if (lease.signal.aborted) return "interrupted";
    return await settleFailure(ports, rules, claim, thrown);
  } finally {
    lease.stop();
  }
}

function encryptionOf({ sizeBytes, stagedBytes }: Claim): Encryption {
  const encryption = encryptionOfStaged(sizeBytes, stagedBytes);
  if (encryption !== null) return encryption;
  throw new CodedError("STAGED_SIZE_INVALID", "bug", "so many bytes are staged of no such object", {
    sizeBytes,
    stagedBytes,
  });
}

function checkCount({ segmentCount }: Claim): void {
  if (segmentCount === 0) throw new CodedError("OBJECT_EMPTY", "invalid", "the empty object needs no encoding");
  if (segmentCount > SEGMENTS_PER_FILE_MAX) {
    throw new CodedError("OBJECT_TOO_LARGE", "invalid", "more segments than the chain takes in one order");
  }
}

async function settleFailure(
  ports: EncodePorts,
  rules: EncodeRules,
  claim: Claim,
  thrown: unknown,
): Promise<"failed" | "retried"> {
  const error = asReadError(thrown);
  const isOver = isFinal(error) || claim.attempt >= rules.attemptsMax;
  ports.log.thrown(isOver ? "an upload cannot be encoded" : "encoding failed and will be tried again", error, {
    uploadId: claim.uploadId,
    attempt: claim.attempt,
  });
  ports.failed?.(error.code, isOver ? "failed" : "retried");
  if (isOver) {
    await ports.encodings.fail(claim, { code: error.code, reason: error.message });
    return "failed";
  }
  const delayMs = Math.min(BACKOFF_MAX_MS, rules.backoffMs * 2 ** (claim.attempt - 1));
  await ports.encodings.retryAfter(claim, delayMs);
  return "retried";
}

const fileCalls = new Set(["open", "read", "stat", "scandir", "fstat", "close"]);

/** A disk that does not answer may answer later: what the system says while bytes are read is no bug of ours. */
function asReadError(thrown: unknown): CodedError {
  const { code, syscall } = (thrown ?? {}) as { code?: unknown; syscall?: unknown };
  if (!(thrown instanceof CodedError) && typeof code === "string" && fileCalls.has(String(syscall))) {
    return new CodedError(
      "STAGED_READ_FAILED",
      "unavailable",
      `the staged bytes cannot be read: ${code}`,
      {},
      { cause: thrown },
    );
  }
  return asCodedError(thrown);
}

/** Trying again cannot help where the bytes are not there or the invariants are broken. */
function isFinal(error: CodedError): boolean {
  if (error.code === "UNEXPECTED") return false;
  return ["invalid", "denied", "absent", "conflict", "corrupt", "bug"].includes(error.category);
}

/** Renews the lease until stopped; its signal is aborted when the lease is lost or the service stops. */
function keepLease(
  ports: Pick<EncodePorts, "encodings" | "log">,
  leaseMs: number,
  claim: Claim,
  stopping: AbortSignal,
): { signal: AbortSignal; stop(): void } {
  const lost = new AbortController();
  let renewedAt = performance.now();
  const timer = setInterval(async () => {
    const askedAt = performance.now();
    try {
      if (await ports.encodings.renew(claim)) renewedAt = askedAt;
      else lost.abort(new CodedError("LEASE_LOST", "conflict", "another encoder has taken over"));
    } catch (error) {
      ports.log.thrown("a lease could not be renewed", error, { uploadId: claim.uploadId });
      if (performance.now() - renewedAt > leaseMs) lost.abort(error);
    }
  }, leaseMs / RENEWALS_PER_LEASE);
  return { signal: AbortSignal.any([lost.signal, stopping]), stop: () => clearInterval(timer) };
}
