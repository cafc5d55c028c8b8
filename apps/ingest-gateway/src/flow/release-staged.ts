import type { UploadId } from "@granary/primitives";
import type { Ports } from "../ports.js";

const BATCH = 50;

type ReleasePorts = Pick<Ports, "database" | "blobs" | "config" | "now" | "log">;

/**
 * Removes staged bytes that nobody needs any more: of uploads that are active (the scheduler says so for finalized blocks
 * only), and of failed ones after a while. A crash between the removal and its note does it once more.
 */
export async function releaseStaged(ports: ReleasePorts): Promise<"busy" | "idle"> {
  const failedBefore = new Date(ports.now().getTime() - ports.config.FAILED_RETENTION);
  const uploads = await ports.database.upload.findMany({
    where: {
      releasedAt: null,
      OR: [{ state: "active" }, { state: "failed", updatedAt: { lt: failedBefore } }],
    },
    select: { id: true, fid: true },
    orderBy: { updatedAt: "asc" },
    take: BATCH,
  });
  for (const { id, fid } of uploads) {
    await ports.blobs.remove(id as UploadId);
    // Without a FID it was never stored anywhere, and there is nothing that its key would open.
    if (fid === null) await ports.database.objectKey.deleteMany({ where: { uploadId: id } });
    await ports.database.upload.update({ where: { id }, data: { releasedAt: ports.now() } });
    ports.log.debug("staged bytes are released", { uploadId: id });
  }
  return uploads.length === BATCH ? "busy" : "idle";
}

/** Gives up uploads that receive nothing any more: their client is gone, or the process that received them was. */
export async function giveUpAbandoned(ports: ReleasePorts): Promise<"busy" | "idle"> {
  const before = (ms: number) => new Date(ports.now().getTime() - ms);
  const { WHOLE_ABANDONED_AFTER, PARTS_ABANDONED_AFTER } = ports.config;
  const { count } = await ports.database.upload.updateMany({
    where: {
      state: "receiving",
      OR: [
        { kind: "whole", updatedAt: { lt: before(WHOLE_ABANDONED_AFTER) } },
        { kind: { not: "whole" }, updatedAt: { lt: before(PARTS_ABANDONED_AFTER) } },
      ],
    },
    data: { state: "failed", failureCode: "UPLOAD_ABANDONED", failureReason: "no bytes came any more" },
  });
  if (count > 0) ports.log.info("uploads are given up", { count });
  return "idle";
}
