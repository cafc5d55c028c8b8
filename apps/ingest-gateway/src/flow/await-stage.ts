import type { UploadModel, UploadState } from "@granary/database";
import { CodedError, FRAGMENTS_PER_SEGMENT } from "@granary/primitives";
import type { Ports } from "../ports.js";

/** How far a client wants its upload to be before it is answered. */
export const stages = ["received", "encoded", "declared", "placed", "active"] as const;
export type Stage = (typeof stages)[number];

const rank: Record<Exclude<UploadState, "failed">, number> = {
  receiving: 0,
  received: 1,
  encoded: 2,
  declared: 3,
  placing: 3,
  active: 5,
};
const rankOfStage: Record<Stage, number> = { received: 1, encoded: 2, declared: 3, placed: 4, active: 5 };

export function hasReached(
  upload: Pick<UploadModel, "state" | "placedColumns" | "reportedColumns">,
  stage: Stage,
): boolean {
  if (upload.state === "failed") return false;
  const areAllPlaced =
    upload.state === "placing" && Math.max(upload.placedColumns, upload.reportedColumns) >= FRAGMENTS_PER_SEGMENT;
  return (areAllPlaced ? rankOfStage.placed : rank[upload.state]) >= rankOfStage[stage];
}

/**
 * Waits until the upload has reached the stage, has failed, or the time is over.
 * @throws CodedError with the failure's code (conflict) where the upload has failed, or UPLOAD_UNKNOWN (absent)
 */
export async function awaitStage(
  ports: Pick<Ports, "uploadWatch">,
  upload: UploadModel,
  stage: Stage,
  signal: AbortSignal,
): Promise<UploadModel> {
  let current = upload;
  for (;;) {
    if (current.state === "failed") throw failureOf(current);
    if (hasReached(current, stage) || signal.aborted) return current;
    const next = await ports.uploadWatch.next(upload.id, signal).catch((error: unknown) => {
      if (signal.aborted) return current;
      throw error;
    });
    if (next === null) throw new CodedError("UPLOAD_UNKNOWN", "absent", "the upload was cancelled");
    current = next;
  }
}

const failureOf = (upload: UploadModel) =>
  new CodedError(
    upload.failureCode ?? "UPLOAD_FAILED",
    "conflict",
    upload.failureReason ?? "the upload cannot be stored",
    { uploadId: upload.id, fid: upload.fid },
  );
