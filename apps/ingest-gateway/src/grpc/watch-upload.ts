import { CodedError, type UploadId } from "@granary/primitives";
import { loadUpload, reportStatus } from "../flow/report-status.js";
import type { Ports } from "../ports.js";
import { type AnswerCall, send } from "./get-object.js";
import { goneSignal } from "./gone.js";
import { uploadMessage } from "./message.js";

/**
 * Tells how far an upload is, now and at every change, until it is active or failed. States that pass between two looks
 * are not told.
 *
 * @throws CodedError UPLOAD_UNKNOWN (absent), SERVICE_STOPPING (unavailable): another replica can go on
 */
export async function watchUpload(
  ports: Pick<Ports, "database" | "uploadWatch" | "stopping">,
  uploadId: UploadId,
  call: AnswerCall,
): Promise<void> {
  const gone = goneSignal(call);
  const signal = AbortSignal.any([gone, ports.stopping]);
  let upload = await loadUpload(ports, uploadId);
  let told = "";
  try {
    for (;;) {
      const message = { upload: uploadMessage(await reportStatus(ports, upload)) };
      const now = JSON.stringify(message);
      if (now !== told) await send(call, message, signal);
      told = now;
      if (upload.state === "active" || upload.state === "failed") return;
      const next = await ports.uploadWatch.next(uploadId, signal);
      if (next === null) throw new CodedError("UPLOAD_UNKNOWN", "absent", "the upload is gone", { uploadId });
      upload = next;
    }
  } catch (error) {
    if (gone.aborted) return;
    if (ports.stopping.aborted) throw new CodedError("SERVICE_STOPPING", "unavailable", "this gateway stops");
    throw error;
  }
}
