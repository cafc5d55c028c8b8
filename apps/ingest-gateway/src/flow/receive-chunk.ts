import type { UploadModel } from "@granary/database";
import { CHUNK_PLAIN_BYTES } from "@granary/domain/object";
import { CodedError } from "@granary/primitives";
import type { ChunkRange } from "../body/content-range.js";
import { gcmCoding, type PartCoding, plainCoding } from "../body/part-coding.js";
import { sliceOf } from "../body/slice.js";
import type { Ports } from "../ports.js";
import type { NewUpload } from "./begin-upload.js";
import {
  bindingOf,
  drawDataKey,
  drawPrefix,
  type EncryptionWish,
  keepObjectKey,
  openObjectKey,
  wrappingFor,
} from "./object-key.js";
import { openChunkedUpload } from "./open-chunked.js";
import { receivePart } from "./receive-part.js";

export type ChunkOwner = Pick<NewUpload, "account" | "territory" | "name" | "contentType" | "placement">;

/** A chunk that names its place by bytes, and how it shall be stored. */
export interface PlacedChunk {
  readonly range: ChunkRange;
  /** Announced length of the body: some clients send the whole object each time and mean the range's stretch of it. */
  readonly bodyBytes: number | null;
  readonly encryption: Exclude<EncryptionWish, { mode: "cess-cipher" }>;
}

/** @throws CodedError PART_LENGTH_WRONG, PART_NOT_ALIGNED (invalid), and what receivePart and openObjectKey throw */
export async function receiveRange(
  ports: Ports,
  owner: ChunkOwner,
  { range, bodyBytes, encryption }: PlacedChunk,
  body: AsyncIterable<Uint8Array>,
): Promise<UploadModel> {
  const sizeBytes = range.end - range.start;
  const isWholeObject = bodyBytes === range.total && bodyBytes !== sizeBytes;
  if (bodyBytes !== null && bodyBytes !== sizeBytes && !isWholeObject) {
    throw new CodedError("PART_LENGTH_WRONG", "invalid", `the range has ${sizeBytes} bytes, the body ${bodyBytes}`, {
      rangeBytes: sizeBytes,
      bodyBytes,
    });
  }
  if (encryption.mode === "aes-gcm") checkAlignment(range);
  const upload = await openRanges(ports, owner, range.total, encryption);
  const coding = await codingOf(ports, upload, range, encryption);
  const own = isWholeObject ? sliceOf(body, range) : body;
  return receivePart(ports, upload, { index: range.start, sizeBytes, coding }, own);
}

/** Parts come in any order, and each is encrypted alone: so each begins and ends where chunks of the object do. */
function checkAlignment({ start, end, total }: ChunkRange): void {
  if (start % CHUNK_PLAIN_BYTES === 0 && (end % CHUNK_PLAIN_BYTES === 0 || end === total)) return;
  throw new CodedError(
    "PART_NOT_ALIGNED",
    "invalid",
    `chunks of an encrypted object begin and end at multiples of ${CHUNK_PLAIN_BYTES} bytes`,
    { multipleOf: CHUNK_PLAIN_BYTES },
  );
}

/** A new encrypted upload gets its key in the transaction that begins it: all its parts are encrypted with this one. */
function openRanges(
  ports: Ports,
  owner: ChunkOwner,
  sizeBytes: number,
  encryption: PlacedChunk["encryption"],
): Promise<UploadModel> {
  const wrapping = encryption.mode === "aes-gcm" ? wrappingFor(ports.keyring, encryption.customerKey) : null;
  const wanted = {
    ...owner,
    kind: "ranges" as const,
    sizeBytes,
    atLeastBytes: sizeBytes,
    partCount: null,
    encryption: encryption.mode,
  };
  return openChunkedUpload(ports, wanted, async (tx, upload) => {
    if (wrapping === null) return;
    const binding = bindingOf({ ...upload, uploadId: upload.id, sizeBytes: BigInt(sizeBytes) });
    await keepObjectKey(tx, { dataKey: drawDataKey(), wrapping, binding, prefixRuns: null });
  });
}

async function codingOf(
  ports: Ports,
  upload: UploadModel,
  { start, end, total }: ChunkRange,
  encryption: PlacedChunk["encryption"],
): Promise<PartCoding> {
  if (encryption.mode === "none") return plainCoding;
  const stored = await ports.database.objectKey.findUnique({ where: { uploadId: upload.id } });
  if (stored === null) throw new CodedError("UPLOAD_CANCELLED", "conflict", "the upload was cancelled");
  const dataKey = openObjectKey(ports.keyring, stored, encryption.customerKey);
  return gcmCoding(dataKey, { start, endsObject: end === total }, drawPrefix);
}

/** A block of an object that is cut into `count` blocks, as the older DeOSS clients send them. */
export interface Block {
  readonly index: number;
  readonly count: number;
  readonly totalBytes: number;
}

export async function receiveBlock(
  ports: Ports,
  owner: ChunkOwner,
  block: Block,
  body: AsyncIterable<Uint8Array>,
): Promise<UploadModel> {
  const upload = await openChunkedUpload(ports, {
    ...owner,
    kind: "blocks",
    sizeBytes: block.totalBytes,
    atLeastBytes: block.totalBytes,
    partCount: block.count,
    encryption: "none",
  });
  return receivePart(ports, upload, { index: block.index, sizeBytes: null, coding: plainCoding }, body);
}
