import type { WrittenPart } from "@granary/blob-store";
import type { UploadModel } from "@granary/database";
import { packRuns } from "@granary/domain/encryption";
import { checkObjectSize, segmentCountOf, stagedBytesOf } from "@granary/domain/object";
import { CodedError, type UploadId } from "@granary/primitives";
import { encryptChunks, exactly } from "../body/chunks.js";
import { countBytes } from "../body/count.js";
import { encryptBody } from "../body/encrypt.js";
import type { Ports } from "../ports.js";
import { beginUpload, type NewUpload } from "./begin-upload.js";
import { checkTerritory, reserveSpace } from "./check-territory.js";
import { finishUpload } from "./finish-upload.js";
import {
  bindingOf,
  drawDataKey,
  drawPrefix,
  type EncryptionWish,
  encryptionOf,
  type KeyToKeep,
  keepObjectKey,
  wrappingFor,
} from "./object-key.js";
import { storeInRoom } from "./store-in-room.js";

/** How often a body that is still coming is said to be alive. */
const ALIVE_EVERY_MS = 20_000;
const BODY_INDEX = 0;

export type WholeUpload = Omit<NewUpload, "kind" | "partCount" | "encryption">;

/**
 * Receives an object in one body. When it returns, the bytes are durable and the upload is `received`. When it throws,
 * nothing of the upload is left. A crash leaves a row and bytes that the sweep removes.
 */
export async function receiveWhole(
  ports: Ports,
  wanted: WholeUpload,
  body: AsyncIterable<Uint8Array>,
  wish: EncryptionWish,
): Promise<UploadModel> {
  const coat = coatFor(ports, wish);
  const upload = await beginUpload(ports, { ...wanted, kind: "whole", partCount: null, encryption: wish.mode });
  const uploadId = upload.id as UploadId;
  const alive = setInterval(() => {
    void ports.database.upload
      .updateMany({ where: { id: uploadId }, data: { updatedAt: ports.now() } })
      .catch(() => {});
  }, ALIVE_EVERY_MS);
  try {
    const plain = countBytes(body, ports.config.OBJECT_MAX);
    const announced = wanted.sizeBytes;
    const staged = coat.over(announced === null ? plain : exactly(plain, announced));
    const stagedBytes = stagedBytesOf(announced ?? wanted.atLeastBytes, wish.mode);
    const written = await storeInRoom(ports, stagedBytes, staged, (counted) =>
      ports.blobs.writePart({
        uploadId,
        index: BODY_INDEX,
        body: counted,
        maxBytes: Number.MAX_SAFE_INTEGER,
        ...(announced === null ? {} : { expectedBytes: stagedBytes }),
      }),
    );
    return await finishWhole(ports, upload, { written, sizeBytes: plain.bytes, key: coat.key });
  } catch (error) {
    await discardUpload(ports, uploadId);
    throw error;
  } finally {
    clearInterval(alive);
  }
}

type WholeKey = Pick<KeyToKeep, "dataKey" | "wrapping" | "prefixRuns">;

/** What lies over the bytes before they are staged, and the key to keep for it. */
interface Coat {
  over(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  readonly key: WholeKey | null;
}

function coatFor(ports: Pick<Ports, "keyring">, wish: EncryptionWish): Coat {
  switch (wish.mode) {
    case "none":
      return { over: (body) => body, key: null };
    case "cess-cipher":
      return { over: (body) => encryptBody(body, wish.key), key: null };
    case "aes-gcm": {
      const wrapping = wrappingFor(ports.keyring, wish.customerKey);
      const [dataKey, prefix] = [drawDataKey(), drawPrefix()];
      return {
        over: (body) => encryptChunks(body, dataKey, { prefix, firstChunk: 0, endsObject: true }),
        key: { dataKey, wrapping, prefixRuns: packRuns([{ firstChunk: 0, prefix }]) },
      };
    }
  }
}

/** A size that is known only now is checked only now. */
async function finishWhole(
  ports: Ports,
  upload: UploadModel,
  whole: { readonly written: WrittenPart; readonly sizeBytes: number; readonly key: WholeKey | null },
): Promise<UploadModel> {
  const { written, sizeBytes, key } = whole;
  const encryption = encryptionOf(upload);
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
    if (key !== null && sizeBytes > 0) {
      await keepObjectKey(tx, { ...key, binding: bindingOf({ ...upload, uploadId, sizeBytes: BigInt(sizeBytes) }) });
    }
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
