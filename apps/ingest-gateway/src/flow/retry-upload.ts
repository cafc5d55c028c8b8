import { CodedError, type UploadId } from "@granary/primitives";
import type { Ports } from "../ports.js";
import { announceUpload } from "./finish-upload.js";
import { loadUpload } from "./report-status.js";

/**
 * Takes up an upload that does not go on: one whose deal has failed from its beginning, any other by announcing it now
 * instead of when its pause is over. The record of it commits with the announcement.
 *
 * @throws CodedError UPLOAD_NOT_RETRYABLE (conflict), and what the scheduler answers
 */
export async function retryUpload(
  ports: Pick<Ports, "database" | "outbox" | "request" | "audit" | "now">,
  uploadId: UploadId,
  deed: { readonly actor: string; readonly reason: string },
): Promise<{ readonly how: "announced" | "resumed" }> {
  const upload = await loadUpload(ports, uploadId);
  if (upload.state === "failed" && upload.fid !== null) {
    await ports.request("dealResume", { uploadId, ...deed });
    return { how: "resumed" };
  }
  if (upload.state === "receiving" || upload.state === "active" || upload.state === "failed") {
    throw new CodedError("UPLOAD_NOT_RETRYABLE", "conflict", `the upload is ${upload.state}`, { uploadId });
  }
  await ports.database.$transaction(async (tx) => {
    await announceUpload(ports, tx, upload);
    await ports.audit.record(tx, {
      actor: `operator:${deed.actor}`,
      action: "upload.retried",
      subject: uploadId,
      details: { reason: deed.reason },
    });
  });
  return { how: "announced" };
}
