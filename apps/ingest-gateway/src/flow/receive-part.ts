import type { ReceivedPart } from "@granary/blob-store";
import type { Transaction, UploadModel, UploadPartModel } from "@granary/database";
import { packRuns } from "@granary/domain/encryption";
import { CHUNK_PLAIN_BYTES, stagedBytesOf } from "@granary/domain/object";
import { CodedError, type UploadId } from "@granary/primitives";
import { exactly } from "../body/chunks.js";
import { type CodedPart, type PartCoding, storedBytesOf } from "../body/part-coding.js";
import type { Ports } from "../ports.js";
import { finishUpload } from "./finish-upload.js";
import { encryptionOf } from "./object-key.js";
import { storeInRoom } from "./store-in-room.js";

export interface Part {
  /** Byte offset (`ranges`) or block number (`blocks`). */
  readonly index: number;
  /** Null where only its end tells. */
  readonly sizeBytes: number | null;
  readonly coding: PartCoding;
}

/** Each part of an encrypted object is a run of prefixes, and all runs are read for each download. */
const ENCRYPTED_PARTS_MAX = 10_000;

/**
 * Receives one chunk of an upload. Chunks come in any order, at the same time, at any replica, and again: the same bytes
 * again change nothing, other bytes replace the first ones while the upload is receiving. The chunk that completes the
 * upload finishes it in the transaction that records the chunk.
 *
 * The bytes are received aside and take their place under the lock of the upload's row, so that file and digest are
 * always of the same receiver. A crash leaves bytes without a row: the next finish or the sweep removes them.
 *
 * @returns the upload as it is now
 * @throws CodedError PART_OVERLAPS, PART_DIFFERS, PART_CONTESTED, UPLOAD_CANCELLED (conflict), PART_LENGTH_WRONG,
 *   PART_TOO_LARGE, BLOCKS_DO_NOT_FIT, PARTS_TOO_MANY (invalid)
 */
export async function receivePart(
  ports: Ports,
  upload: UploadModel,
  part: Part,
  body: AsyncIterable<Uint8Array>,
): Promise<UploadModel> {
  if (part.sizeBytes !== null && part.sizeBytes > ports.config.PART_MAX) {
    throw new CodedError("PART_TOO_LARGE", "invalid", `a chunk has at most ${ports.config.PART_MAX} bytes`, {
      limitBytes: ports.config.PART_MAX,
    });
  }
  const current = await ports.database.upload.findUnique({ where: { id: upload.id } });
  if (current === null || current.state === "failed") throw uploadCancelled();
  if (current.state !== "receiving") {
    const digest = await part.coding.digestOf(body);
    return settleWithFinished(current, await partOf(ports.database, upload, part.index), digest);
  }
  if (part.sizeBytes !== null) await checkOverlap(ports.database, upload, { ...part, sizeBytes: part.sizeBytes });
  const received = await storeCoded(ports, part, body);
  try {
    return await commitPart(ports, upload, part.index, received);
  } finally {
    await received.discard();
  }
}

/** Bytes that wait for their place, with what is recorded of them. */
type CodedBytes = CodedPart & Pick<ReceivedPart, "place" | "discard">;

async function storeCoded(
  ports: Ports,
  { sizeBytes, coding }: Part,
  body: AsyncIterable<Uint8Array>,
): Promise<CodedBytes> {
  const { over, settle } = coding.begin();
  const storedBytes = sizeBytes === null ? null : storedBytesOf(coding, sizeBytes);
  const coded = over(sizeBytes === null ? body : exactly(body, sizeBytes));
  const received = await storeInRoom(ports, storedBytes ?? 0, coded, (counted) =>
    ports.blobs.receivePart({
      body: counted,
      maxBytes: storedBytesOf(coding, ports.config.PART_MAX),
      ...(storedBytes === null ? {} : { expectedBytes: storedBytes }),
    }),
  );
  return {
    ...settle(received),
    place: (uploadId, index) => received.place(uploadId, index),
    discard: () => received.discard(),
  };
}

/** The upload has all its bytes: only what it already has is welcome. */
function settleWithFinished(upload: UploadModel, known: UploadPartModel | null, sha256: string): UploadModel {
  if (known?.sha256 === sha256) return upload;
  throw new CodedError("PART_DIFFERS", "conflict", "the upload is finished, and this chunk has other bytes than it", {
    uploadId: upload.id,
  });
}

const partOf = (reader: Pick<Transaction, "uploadPart">, upload: UploadModel, index: number) =>
  reader.uploadPart.findUnique({ where: { uploadId_index: { uploadId: upload.id, index: BigInt(index) } } });

async function checkOverlap(
  reader: Pick<Transaction, "$queryRaw">,
  upload: UploadModel,
  part: { readonly index: number; readonly sizeBytes: number },
): Promise<void> {
  if (upload.kind !== "ranges") return;
  const { index, sizeBytes } = part;
  const overlapping = await reader.$queryRaw<{ index: bigint; size_bytes: bigint }[]>`
    SELECT index, size_bytes FROM ingest.upload_part
    WHERE upload_id = ${upload.id}::uuid AND index < ${index + sizeBytes}::bigint AND index + size_bytes > ${index}::bigint
      AND NOT (index = ${index}::bigint AND size_bytes = ${sizeBytes}::bigint) LIMIT 1`;
  const [other] = overlapping;
  if (other === undefined) return;
  throw new CodedError("PART_OVERLAPS", "conflict", "the chunk overlaps another one of the upload", {
    uploadId: upload.id,
    receivedStart: Number(other.index),
    receivedLast: Number(other.index + other.size_bytes) - 1,
  });
}

/** How often a chunk may find that another receiver has just put other bytes in its place. */
const CONTESTS_MAX = 8;

/** Records a chunk whose bytes are durable, and gives them their place. */
async function commitPart(
  ports: Ports,
  upload: UploadModel,
  index: number,
  received: CodedBytes,
): Promise<UploadModel> {
  for (let contest = 0; contest < CONTESTS_MAX; contest += 1) {
    const outcome = await ports.database.$transaction((tx) => tryCommit(ports, tx, upload, index, received));
    if (outcome !== "cleared") return outcome;
  }
  throw new CodedError("PART_CONTESTED", "conflict", "this chunk is being sent with other bytes at the same time", {
    uploadId: upload.id,
  });
}

/**
 * Law: while a row names a digest, the file in its place is never replaced. So a row of other bytes goes in a transaction
 * of its own ("cleared"), and only one that finds no row puts its bytes in place.
 */
async function tryCommit(
  ports: Ports,
  tx: Transaction,
  upload: UploadModel,
  index: number,
  received: CodedBytes,
): Promise<UploadModel | "cleared"> {
  const uploadId = upload.id as UploadId;
  await tx.$executeRaw`SELECT 1 FROM ingest.upload WHERE id = ${uploadId}::uuid FOR UPDATE`;
  const current = await tx.upload.findUnique({ where: { id: uploadId } });
  if (current === null || current.state === "failed") throw uploadCancelled();
  const known = await partOf(tx, upload, index);
  if (current.state !== "receiving") return settleWithFinished(current, known, received.sha256);
  if (known?.sha256 === received.sha256) return current;
  const { sizeBytes, sha256, noncePrefix } = received;
  await checkOverlap(tx, upload, { index, sizeBytes });
  const isLast = await doesComplete(tx, upload, { index, sizeBytes });
  if (known !== null) {
    await tx.uploadPart.delete({ where: { uploadId_index: { uploadId, index: known.index } } });
    return "cleared";
  }
  const prefix = noncePrefix === null ? null : new Uint8Array(noncePrefix);
  await tx.uploadPart.create({
    data: { uploadId, index: BigInt(index), sizeBytes: BigInt(sizeBytes), sha256, noncePrefix: prefix },
  });
  await received.place(uploadId, index);
  return isLast
    ? finish(ports, tx, upload)
    : tx.upload.update({ where: { id: uploadId }, data: { updatedAt: ports.now() } });
}

/** Whether nothing is missing once the upload has this part. @throws CodedError BLOCKS_DO_NOT_FIT (invalid) */
async function doesComplete(
  tx: Transaction,
  upload: UploadModel,
  part: { readonly index: number; readonly sizeBytes: number },
): Promise<boolean> {
  const { _sum, _count } = await tx.uploadPart.aggregate({
    where: { uploadId: upload.id, index: { not: BigInt(part.index) } },
    _sum: { sizeBytes: true },
    _count: true,
  });
  const receivedBytes = Number(_sum.sizeBytes ?? 0n) + part.sizeBytes;
  const totalBytes = Number(upload.sizeBytes);
  const isLast = upload.kind === "ranges" ? receivedBytes === totalBytes : _count + 1 === upload.partCount;
  if (receivedBytes > totalBytes || (isLast && receivedBytes !== totalBytes)) {
    throw new CodedError("BLOCKS_DO_NOT_FIT", "invalid", "the blocks together are not as long as TotalSize says", {
      totalBytes,
      receivedBytes,
    });
  }
  if (upload.isGcm && _count + 1 > ENCRYPTED_PARTS_MAX) {
    throw new CodedError("PARTS_TOO_MANY", "invalid", `an encrypted object has at most ${ENCRYPTED_PARTS_MAX} chunks`);
  }
  return isLast;
}

async function finish(ports: Ports, tx: Transaction, upload: UploadModel): Promise<UploadModel> {
  await removeUnknownParts(ports, tx, upload);
  if (upload.isGcm) await keepPrefixRuns(tx, upload);
  const sizeBytes = Number(upload.sizeBytes);
  const stagedBytes = stagedBytesOf(sizeBytes, encryptionOf(upload));
  const finished = await finishUpload(ports, tx, upload, { sizeBytes, stagedBytes });
  ports.metrics.uploads.ended.add({ outcome: "RECEIVED" });
  return finished;
}

async function keepPrefixRuns(tx: Transaction, upload: UploadModel): Promise<void> {
  const parts = await tx.uploadPart.findMany({
    where: { uploadId: upload.id },
    select: { index: true, noncePrefix: true },
  });
  const runs = parts.map(({ index, noncePrefix }) => {
    return { firstChunk: Number(index) / CHUNK_PLAIN_BYTES, prefix: noncePrefix ?? new Uint8Array(0) };
  });
  const prefixRuns = new Uint8Array(packRuns(runs));
  await tx.objectKey.update({ where: { uploadId: upload.id }, data: { prefixRuns } });
}

/** After this the files of an upload are exactly its rows: a crash may have left a file that was never acknowledged. */
async function removeUnknownParts(ports: Ports, tx: Transaction, upload: UploadModel): Promise<void> {
  const uploadId = upload.id as UploadId;
  const rows = await tx.uploadPart.findMany({ where: { uploadId }, select: { index: true, sizeBytes: true } });
  const sizes = new Map(
    rows.map((row) => [Number(row.index), stagedBytesOf(Number(row.sizeBytes), encryptionOf(upload))]),
  );
  for (const file of await ports.blobs.listParts(uploadId)) {
    const sizeBytes = sizes.get(file.index);
    if (sizeBytes === undefined) await ports.blobs.removePart(uploadId, file.index);
    else if (sizeBytes === file.sizeBytes) sizes.delete(file.index);
  }
  if (sizes.size > 0) {
    throw new CodedError("STAGED_PART_LOST", "corrupt", "a received chunk is not in the store any more", { uploadId });
  }
}

const uploadCancelled = () => new CodedError("UPLOAD_CANCELLED", "conflict", "the upload was cancelled");
