import { z } from "zod";
import { event, request } from "./contract.js";
import { accountId, byteCount, failure, fid, fragmentHash, placementWishes, segmentHash, uploadId } from "./field.js";

/** All bytes of an upload are durable in the blob store. Announced again until the upload is encoded or ended. */
export const uploadReceived = event({
  subject: "granary.upload.received.v1",
  producer: "ingest-gateway",
  consumers: ["preprocessor"],
  schema: z.object({
    uploadId,
    account: accountId,
    territory: z.string(),
    name: z.string(),
    /** Bytes of the object as its owner knows it: what goes on chain as `file_size`. */
    sizeBytes: byteCount,
    /** Bytes in the blob store. Equal to `sizeBytes`, but for encrypted uploads. */
    stagedBytes: byteCount,
    placement: placementWishes.nullable(),
  }),
});

/** The upload has a FID, and its manifest can be asked for. */
export const objectEncoded = event({
  subject: "granary.object.encoded.v1",
  producer: "preprocessor",
  consumers: ["ingest-gateway", "scheduler"],
  schema: z.object({
    uploadId,
    fid,
    account: accountId,
    territory: z.string(),
    name: z.string(),
    sizeBytes: byteCount,
    stagedBytes: byteCount,
    segmentCount: z.int().positive(),
    placement: placementWishes.nullable(),
  }),
});

/** The staged bytes cannot be encoded, and trying again would not help. */
export const encodingFailed = event({
  subject: "granary.encoding.failed.v1",
  producer: "preprocessor",
  consumers: ["ingest-gateway"],
  schema: z.object({ uploadId, failure }),
});

export const manifestSegment = z.object({
  index: z.int().nonnegative(),
  hash: segmentHash,
  /** Column 1 first. */
  fragments: z.array(fragmentHash).length(12),
});

/** Segments `from` ≤ index < `from + count` of an encoded upload. */
export const manifestSegments = request({
  subject: "granary.manifest.segments.v1",
  server: "preprocessor",
  timeoutMs: 10_000,
  input: z.object({ uploadId, from: z.int().nonnegative(), count: z.int().min(1).max(256) }),
  output: z.object({ segments: z.array(manifestSegment), segmentCount: z.int().positive() }),
});

/** The staged bytes of a FID, while the gateway still has them: a download need not wait for the miners. */
export const stagedObjectFind = request({
  subject: "granary.staged-object.find.v1",
  server: "ingest-gateway",
  timeoutMs: 5_000,
  input: z.object({ fid }),
  output: z.object({
    staged: z.object({ uploadId, sizeBytes: byteCount, stagedBytes: byteCount, isCipher: z.boolean() }).nullable(),
  }),
});
