import type { EventHandlersFor, MessageOf } from "@granary/contracts";
import type { Transaction, UploadState } from "@granary/database";
import type { SettledStage } from "../metrics.js";
import type { Ports } from "../ports.js";
import { catalogueObject } from "./finish-upload.js";

type FollowPorts = Pick<Ports, "metrics" | "now">;

/** What the other services tell of uploads, written where clients see it. Each runs inside the inbox's transaction. */
export function uploadFollowers(ports: FollowPorts): EventHandlersFor<"ingest-gateway", Transaction> {
  return {
    objectEncoded: (message, tx) => noteEncoded(ports, tx, message),
    encodingFailed: (message, tx) => noteFailure(ports, tx, message.uploadId, message.failure),
    dealAdvanced: (message, tx) => noteDeal(ports, tx, message),
    fileDeleted: async ({ fid, owner }, tx) => {
      await tx.catalogueObject.deleteMany({ where: { fid, account: owner } });
      // Without its key nobody reads what miners may still have.
      await tx.objectKey.deleteMany({ where: { fid, account: owner } });
    },
  };
}

export async function noteEncoded(ports: FollowPorts, tx: Transaction, message: MessageOf<"objectEncoded">) {
  const upload = await lockUpload(tx, message.uploadId);
  if (upload === null || upload.state === "receiving" || upload.state === "failed") return;
  // Said again for every announcement; what is known already is not written again, or it would look like progress.
  if (upload.fid !== null && upload.segmentCount !== null) return;
  const { segmentCount, fid } = message;
  const isNews = upload.fid === null;
  await tx.upload.update({
    where: { id: upload.id },
    data: { segmentCount, ...(isNews ? { state: "encoded", fid, encodedAt: ports.now() } : {}) },
  });
  if (!isNews) return;
  await catalogueObject(tx, upload, fid);
  observe(ports, upload, "encoded");
}

async function noteFailure(
  ports: FollowPorts,
  tx: Transaction,
  uploadId: string,
  failure: { readonly code: string; readonly reason: string },
): Promise<void> {
  const upload = await lockUpload(tx, uploadId);
  if (upload === null || upload.state === "active" || upload.state === "failed") return;
  await tx.upload.update({
    where: { id: uploadId },
    data: { state: "failed", failureCode: failure.code, failureReason: failure.reason },
  });
  observe(ports, upload, "failed");
  await forgetObject(tx, uploadId);
}

/** The catalogue names what is, or will be, stored: an object whose every upload failed is neither. */
async function forgetObject(tx: Transaction, uploadId: string): Promise<void> {
  const upload = await tx.upload.findUnique({ where: { id: uploadId } });
  if (upload === null || upload.fid === null) return;
  const { account, territory, fid } = upload;
  const others = await tx.upload.count({ where: { account, territory, fid, state: { not: "failed" } } });
  if (others === 0) await tx.catalogueObject.deleteMany({ where: { account, territory, fid } });
}

/** The deal's whole standing comes with every message: the newest revision wins, older news is dropped. */
export async function noteDeal(ports: FollowPorts, tx: Transaction, message: MessageOf<"dealAdvanced">): Promise<void> {
  const upload = await lockUpload(tx, message.uploadId);
  if (upload === null || message.revision <= upload.dealRevision) return;
  if (upload.state === "active" || upload.state === "receiving") return;
  // Taken up again by an operator. One whose bytes are gone stays what it is.
  const isRevived = upload.state === "failed" && message.state !== "failed" && upload.releasedAt === null;
  if (upload.state === "failed" && !(isRevived && upload.fid !== null)) return;
  const now = ports.now();
  const state = stateOfDeal(message);
  const standing = {
    dealRevision: message.revision,
    placedColumns: message.placedColumns,
    reportedColumns: message.reportedColumns,
  };
  if (state === "failed") {
    await tx.upload.update({ where: { id: upload.id }, data: { ...standing, fid: message.fid } });
    const failure = message.failure ?? { code: "DEAL_FAILED", reason: "the deal failed" };
    return noteFailure(ports, tx, upload.id, failure);
  }
  // News of the deal may overtake the news of its encoding.
  const isFirstFid = upload.fid === null;
  const isDeclared = state !== "encoded" && upload.declaredAt === null;
  await tx.upload.update({
    where: { id: upload.id },
    data: {
      ...standing,
      state,
      fid: message.fid,
      ...(isFirstFid ? { encodedAt: now } : {}),
      ...(isDeclared ? { declaredAt: now } : {}),
      ...(state === "active" ? { activeAt: now } : {}),
      ...(isRevived ? { failureCode: null, failureReason: null } : {}),
    },
  });
  if (isFirstFid || isRevived) await catalogueObject(tx, upload, message.fid);
  if (isFirstFid) observe(ports, upload, "encoded");
  if (isDeclared) observe(ports, upload, "declared");
  if (state === "active") observe(ports, upload, "active");
}

/** A deal that is being declared is not on chain yet. */
export function stateOfDeal(
  deal: Pick<MessageOf<"dealAdvanced">, "state" | "placedColumns" | "reportedColumns">,
): Exclude<UploadState, "receiving" | "received"> {
  switch (deal.state) {
    case "opened":
    case "declaring":
      return "encoded";
    case "placing":
      return deal.placedColumns > 0 || deal.reportedColumns > 0 ? "placing" : "declared";
    case "active":
    case "failed":
      return deal.state;
  }
}

/** One writer at a time: two messages about one upload could otherwise each see the state before the other. */
async function lockUpload(tx: Transaction, uploadId: string) {
  await tx.$queryRaw`SELECT 1 FROM ingest.upload WHERE id = ${uploadId}::uuid FOR UPDATE`;
  return tx.upload.findUnique({ where: { id: uploadId } });
}

function observe(ports: FollowPorts, upload: { receivedAt: Date | null }, stage: SettledStage): void {
  if (upload.receivedAt === null) return;
  ports.metrics.uploads.stage.observe({ stage }, (ports.now().getTime() - upload.receivedAt.getTime()) / 1000);
}
