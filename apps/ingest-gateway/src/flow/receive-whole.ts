import type { WrittenPart } from "@granary/blob-store";
import type { UploadModel } from "@granary/database";
import type { CipherKey } from "@granary/domain/object";
import { checkObjectSize, segmentCountOf } from "@granary/domain/object";
import { CodedError, SEGMENT_BYTES, type UploadId } from "@granary/primitives";
import { countBytes } from "../body/count.js";
import { encryptBody } from "../body/encrypt.js";
import type { Ports } from "../ports.js";
import { beginUpload, type NewUpload } from "./begin-upload.js";
import { checkTerritory, reserveSpace } from "./check-territory.js";
import { finishUpload } from "./finish-upload.js";
import { storeInRoom } from "./store-in-room.js";

/** How often a body that is still coming is said to be alive. */
const ALIVE_EVERY_MS = 20_000;
const BODY_INDEX = 0;

export type WholeUpload = Omit<NewUpload, "kind" | "partCount" | "isCipher">;

/**
 * Receives an object in one body. When it returns, the bytes are durable and the upload is `received`. When it throws,
 * nothing of the upload is left. A crash leaves a row and bytes that the sweep removes.
 */
export async function receiveWhole(
  ports: Ports,
  wanted: WholeUpload,
  body: AsyncIterable<Uint8Array>,
  key: CipherKey | null,
): Promise<UploadModel> {
  const upload = await beginUpload(ports, { ...wanted, kind: "whole", partCount: null, isCipher: key !== null });
  const uploadId = upload.id as UploadId;
  const alive = setInterval(() => {
    void ports.database.upload
      .updateMany({ where: { id: uploadId }, data: { updatedAt: ports.now() } })
      .catch(() => {});
  }, ALIVE_EVERY_MS);
  try {
    const plain = countBytes(body, ports.config.OBJECT_MAX);
    const staged = key === null ? plain : encryptBody(plain, key);
    const written = await storeInRoom(ports, stagedBytesOf(wanted, key !== null), staged, (counted) =>
      ports.blobs.writePart({
        uploadId,
        index: BODY_INDEX,
        body: counted,
        maxBytes: Number.MAX_SAFE_INTEGER,
        ...(key === null && wanted.sizeBytes !== null ? { expectedBytes: wanted.sizeBytes } : {}),
      }),
    );
    checkLength(wanted.sizeBytes, plain.bytes);
    return await finishWhole(ports, upload, written, plain.bytes);
  } catch (error) {
    await discardUpload(ports, uploadId);
    throw error;
  } finally {
    clearInterval(alive);
  }
}

/** What will lie on disk, as far as that is known: ciphertext comes in whole segments. */
function stagedBytesOf({ sizeBytes, atLeastBytes }: WholeUpload, isCipher: boolean): number {
  const plainBytes = sizeBytes ?? atLeastBytes;
  return isCipher ? segmentCountOf(plainBytes, "cess-cipher") * SEGMENT_BYTES : plainBytes;
}

function checkLength(announcedBytes: number | null, sizeBytes: number): void {
  if (announcedBytes === null || announcedBytes === sizeBytes) return;
  throw new CodedError(
    "PART_LENGTH_WRONG",
    "invalid",
    `${sizeBytes} bytes came where ${announcedBytes} were announced`,
  );
}

/** A size that is known only now is checked only now. */
async function finishWhole(
  ports: Ports,
  upload: UploadModel,
  written: WrittenPart,
  sizeBytes: number,
): Promise<UploadModel> {
  const encryption = upload.isCipher ? "cess-cipher" : "none";
  checkObjectSize(sizeBytes, encryption);
  const uploadId = upload.id as UploadId;
  const place = { account: upload.account as NewUpload["account"], territory: upload.territory };
  const standing = upload.sizeBytes === null ? await checkTerritory(ports, place.account, place.territory) : null;
  const finished = await ports.database.$transaction(async (tx) => {
    if (standing !== null) {
      const segmentCount = segmentCountOf(sizeBytes, encryption);
      await reserveSpace(tx, { ...place, ...standing }, { segmentCount, uploadId });
    }
    const rows = await tx.$queryRaw<{ state: string }[]>`
      SELECT state::text FROM ingest.upload WHERE id = ${uploadId}::uuid FOR UPDATE`;
    if (rows[0]?.state !== "receiving") {
      throw new CodedError("UPLOAD_CANCELLED", "conflict", "the upload was cancelled while it was received");
    }
    await tx.uploadPart.create({
      data: { uploadId, index: BigInt(BODY_INDEX), sizeBytes: BigInt(written.sizeBytes), sha256: written.sha256 },
    });
    return finishUpload(ports, tx, upload, { sizeBytes, stagedBytes: written.sizeBytes });
  });
  ports.metrics.uploads.ended.add({ outcome: "RECEIVED" });
  return finished;
}

/** Takes back an upload that is not received; one that is (the error came after the commit) stays. */
async function discardUpload(ports: Pick<Ports, "database" | "blobs" | "log">, uploadId: UploadId): Promise<void> {
  try {
    await ports.database.upload.deleteMany({ where: { id: uploadId, state: "receiving" } });
    const kept = await ports.database.upload.findUnique({ where: { id: uploadId }, select: { state: true } });
    if (kept === null || kept.state === "failed") await ports.blobs.remove(uploadId);
  } catch (error) {
    ports.log.thrown("a broken upload is left to the sweep", error, { uploadId });
  }
}
