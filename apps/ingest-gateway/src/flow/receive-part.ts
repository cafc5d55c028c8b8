import { createHash, randomUUID } from "node:crypto";
import type { WrittenPart } from "@granary/blob-store";
import type { Transaction, UploadModel, UploadPartModel } from "@granary/database";
import { CodedError, type UploadId } from "@granary/primitives";
import { readStaged } from "../body/read-staged.js";
import type { Ports } from "../ports.js";
import { finishUpload } from "./finish-upload.js";

export interface Part {
  /** Byte offset (`ranges`) or block number (`blocks`). */
  readonly index: number;
  /** Null where only its end tells. */
  readonly sizeBytes: number | null;
}

/**
 * Receives one chunk of an upload. Chunks come in any order, at the same time, and again: the same bytes again change
 * nothing, other bytes replace the first ones while the upload is receiving. The chunk that completes the upload
 * finishes it in the transaction that records the chunk.
 *
 * A crash before the commit leaves a file that no row names: the next finish or the sweep removes it.
 *
 * @returns the upload as it is now
 * @throws CodedError PART_OVERLAPS, PART_DIFFERS, UPLOAD_CANCELLED (conflict), PART_LENGTH_WRONG, PART_TOO_LARGE,
 *   BLOCKS_DO_NOT_FIT (invalid)
 */
export function receivePart(
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
  return ports.partLock(`${upload.id} ${part.index}`, async () => {
    const known = await ports.database.uploadPart.findUnique({
      where: { uploadId_index: { uploadId: upload.id, index: BigInt(part.index) } },
    });
    const current = await ports.database.upload.findUnique({ where: { id: upload.id } });
    if (current === null || current.state === "failed") throw uploadCancelled();
    if (current.state !== "receiving") return compareWithFinished(current, known, body);
    if (part.sizeBytes !== null) await checkOverlap(ports.database, upload, { ...part, sizeBytes: part.sizeBytes });
    return known === null ? storeNew(ports, upload, part, body) : storeAgain(ports, upload, part, known, body);
  });
}

/** The upload has all its bytes: only what it already has is welcome. */
async function compareWithFinished(
  upload: UploadModel,
  known: UploadPartModel | null,
  body: AsyncIterable<Uint8Array>,
): Promise<UploadModel> {
  const hash = createHash("sha256");
  for await (const chunk of body) hash.update(chunk);
  if (known?.sha256 === hash.digest("hex")) return upload;
  throw new CodedError("PART_DIFFERS", "conflict", "the upload is finished, and this chunk has other bytes than it", {
    uploadId: upload.id,
  });
}

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

async function storeNew(
  ports: Ports,
  upload: UploadModel,
  part: Part,
  body: AsyncIterable<Uint8Array>,
): Promise<UploadModel> {
  const written = await ports.blobs.writePart({
    uploadId: upload.id as UploadId,
    index: part.index,
    body,
    maxBytes: ports.config.PART_MAX,
    ...(part.sizeBytes === null ? {} : { expectedBytes: part.sizeBytes }),
  });
  return commitPart(ports, upload, part.index, written);
}

/** The chunk was here before. Its bytes wait aside until it is known whether they differ from the first ones. */
async function storeAgain(
  ports: Ports,
  upload: UploadModel,
  part: Part,
  known: UploadPartModel,
  body: AsyncIterable<Uint8Array>,
): Promise<UploadModel> {
  const aside = randomUUID() as UploadId;
  try {
    const written = await ports.blobs.writePart({
      uploadId: aside,
      index: 0,
      body,
      maxBytes: ports.config.PART_MAX,
      ...(part.sizeBytes === null ? {} : { expectedBytes: part.sizeBytes }),
    });
    if (written.sha256 === known.sha256) {
      return (await ports.database.upload.findUnique({ where: { id: upload.id } })) ?? upload;
    }
    // The row goes before the bytes do: a crash in between must not leave a digest that names other bytes.
    await ports.database.uploadPart.deleteMany({
      where: { uploadId: upload.id, index: known.index, upload: { state: "receiving" } },
    });
    return await storeNew(ports, upload, { ...part, sizeBytes: written.sizeBytes }, readStaged(ports.blobs, aside));
  } finally {
    await ports.blobs.remove(aside);
  }
}

/** Records a chunk whose bytes are durable; where that is refused, the bytes go. */
async function commitPart(
  ports: Ports,
  upload: UploadModel,
  index: number,
  written: WrittenPart,
): Promise<UploadModel> {
  const uploadId = upload.id as UploadId;
  try {
    return await ports.database.$transaction(async (tx) => {
      const rows = await tx.$queryRaw<{ state: string }[]>`
        SELECT state::text FROM ingest.upload WHERE id = ${uploadId}::uuid FOR UPDATE`;
      if (rows[0]?.state !== "receiving") throw uploadCancelled();
      await checkOverlap(tx, upload, { index, sizeBytes: written.sizeBytes });
      const stored = { sizeBytes: BigInt(written.sizeBytes), sha256: written.sha256 };
      await tx.uploadPart.upsert({
        where: { uploadId_index: { uploadId, index: BigInt(index) } },
        create: { uploadId, index: BigInt(index), ...stored },
        update: stored,
      });
      return finishWhenComplete(ports, tx, upload);
    });
  } catch (error) {
    await takeBack(ports, upload, index);
    throw error;
  }
}

async function takeBack(ports: Ports, upload: UploadModel, index: number): Promise<void> {
  const uploadId = upload.id as UploadId;
  try {
    const current = await ports.database.upload.findUnique({ where: { id: uploadId }, select: { state: true } });
    if (current === null || current.state === "failed") return await ports.blobs.remove(uploadId);
    if (current.state !== "receiving") return;
    // A row of earlier bytes would now name bytes that are gone.
    await ports.database.uploadPart.deleteMany({ where: { uploadId, index: BigInt(index) } });
    await ports.blobs.removePart(uploadId, index);
  } catch (error) {
    ports.log.thrown("a refused chunk is left to the sweep", error, { uploadId });
  }
}

async function finishWhenComplete(ports: Ports, tx: Transaction, upload: UploadModel): Promise<UploadModel> {
  const { _sum, _count } = await tx.uploadPart.aggregate({
    where: { uploadId: upload.id },
    _sum: { sizeBytes: true },
    _count: true,
  });
  const receivedBytes = _sum.sizeBytes ?? 0n;
  const total = upload.sizeBytes as bigint;
  const isLast = upload.kind === "ranges" ? receivedBytes === total : _count === upload.partCount;
  if (receivedBytes > total || (isLast && receivedBytes !== total)) {
    throw new CodedError("BLOCKS_DO_NOT_FIT", "invalid", "the blocks together are not as long as TotalSize says", {
      totalBytes: Number(total),
      receivedBytes: Number(receivedBytes),
    });
  }
  if (!isLast) return tx.upload.update({ where: { id: upload.id }, data: { updatedAt: ports.now() } });
  await removeUnknownParts(ports, tx, upload);
  const sizeBytes = Number(total);
  const finished = await finishUpload(ports, tx, upload, { sizeBytes, stagedBytes: sizeBytes });
  ports.metrics.uploads.ended.add({ outcome: "RECEIVED" });
  return finished;
}

/** After this the files of an upload are exactly its rows: a crash may have left a file that was never acknowledged. */
async function removeUnknownParts(ports: Ports, tx: Transaction, upload: UploadModel): Promise<void> {
  const uploadId = upload.id as UploadId;
  const rows = await tx.uploadPart.findMany({ where: { uploadId }, select: { index: true, sizeBytes: true } });
  const sizes = new Map(rows.map((row) => [Number(row.index), Number(row.sizeBytes)]));
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
