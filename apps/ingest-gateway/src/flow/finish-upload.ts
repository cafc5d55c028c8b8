import { events, type MessageOf, type PlacementWishes } from "@granary/contracts";
import type { Transaction, UploadModel } from "@granary/database";
import { type AccountId, EMPTY_FID, type UploadId } from "@granary/primitives";
import type { Ports } from "../ports.js";

/**
 * All bytes of an upload are durable: state and announcement in one transaction, the caller's. The empty object needs no
 * other service: it is active at once.
 */
export async function finishUpload(
  ports: Pick<Ports, "outbox" | "audit" | "now">,
  tx: Transaction,
  upload: UploadModel,
  size: { readonly sizeBytes: number; readonly stagedBytes: number },
): Promise<UploadModel> {
  const now = ports.now();
  await ports.audit.record(tx, {
    actor: `account:${upload.account}`,
    action: "upload.accepted",
    subject: upload.id,
    details: { territory: upload.territory, sizeBytes: size.sizeBytes },
  });
  const sizes = { sizeBytes: BigInt(size.sizeBytes), stagedBytes: BigInt(size.stagedBytes) };
  if (size.sizeBytes === 0) {
    await catalogueObject(tx, { ...upload, ...sizes }, EMPTY_FID);
    return tx.upload.update({
      where: { id: upload.id },
      data: {
        ...sizes,
        state: "active",
        fid: EMPTY_FID,
        segmentCount: 0,
        receivedAt: now,
        encodedAt: now,
        activeAt: now,
      },
    });
  }
  const received = await tx.upload.update({
    where: { id: upload.id },
    data: { ...sizes, state: "received", receivedAt: now, announcedAt: now },
  });
  await announceUpload(ports, tx, received);
  return received;
}

/** Adds the announcement of a received upload to the outbox. */
export async function announceUpload(
  ports: Pick<Ports, "outbox">,
  tx: Transaction,
  upload: UploadModel,
): Promise<void> {
  const message: MessageOf<"uploadReceived"> = {
    uploadId: upload.id as UploadId,
    account: upload.account as AccountId,
    territory: upload.territory,
    name: upload.name,
    sizeBytes: Number(upload.sizeBytes),
    stagedBytes: Number(upload.stagedBytes),
    placement: upload.placement as PlacementWishes | null,
  };
  await ports.outbox.add(tx, events.uploadReceived.subject, message, upload.trace);
}

/** The object has a FID now: its account finds it in the catalogue. */
export async function catalogueObject(tx: Transaction, upload: UploadModel, fid: string): Promise<void> {
  const { account, territory } = upload;
  const known = {
    name: upload.name,
    contentType: upload.contentType,
    sizeBytes: upload.sizeBytes ?? 0n,
    isCipher: upload.isCipher,
  };
  await tx.catalogueObject.upsert({
    where: { account_territory_fid: { account, territory, fid } },
    create: { account, territory, fid, ...known },
    update: known,
  });
  if (upload.isGcm) await tx.objectKey.updateMany({ where: { uploadId: upload.id }, data: { fid } });
}
