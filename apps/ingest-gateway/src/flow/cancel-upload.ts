import { type AccountId, CodedError, type UploadId } from "@granary/primitives";
import type { Ports } from "../ports.js";
import { loadUpload } from "./report-status.js";

/**
 * Ends an upload that is still receiving, and removes its bytes. A crash in between leaves the bytes to the sweep.
 * @throws CodedError UPLOAD_UNKNOWN (absent), UPLOAD_NOT_OWNED (denied), UPLOAD_NOT_CANCELLABLE (conflict)
 */
export async function cancelUpload(
  ports: Pick<Ports, "database" | "audit" | "blobs" | "now">,
  account: AccountId,
  uploadId: UploadId,
): Promise<void> {
  const upload = await loadUpload(ports, uploadId);
  if (upload.account !== account) {
    throw new CodedError("UPLOAD_NOT_OWNED", "denied", "the upload is another account's", { uploadId });
  }
  const count = await ports.database.$transaction(async (tx) => {
    const cancelled = await tx.upload.updateMany({
      where: { id: uploadId, state: "receiving" },
      data: { state: "failed", failureCode: "UPLOAD_CANCELLED", failureReason: "cancelled by its owner" },
    });
    if (cancelled.count > 0)
      await ports.audit.record(tx, { actor: `account:${account}`, action: "upload.cancelled", subject: uploadId });
    return cancelled.count;
  });
  if (count === 0) {
    throw new CodedError("UPLOAD_NOT_CANCELLABLE", "conflict", "the upload is not receiving any more", { uploadId });
  }
  await ports.database.uploadPart.deleteMany({ where: { uploadId } });
  await ports.database.objectKey.deleteMany({ where: { uploadId } });
  await ports.blobs.remove(uploadId);
  await ports.database.upload.update({ where: { id: uploadId }, data: { releasedAt: ports.now() } });
}
