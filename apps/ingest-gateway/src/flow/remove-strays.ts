import type { UploadId } from "@granary/primitives";
import type { Ports } from "../ports.js";

/** Since when an upload's folder is known to belong to nothing. */
export type Strays = Map<UploadId, number>;

/**
 * Removes staged bytes that no upload names, left by a crash. A folder goes only when it belonged to nothing at two looks
 * with enough time in between: bytes may be put aside for a moment by a replica that compares them.
 */
export async function removeStrays(
  ports: Pick<Ports, "database" | "blobs" | "config" | "now" | "log">,
  strays: Strays,
): Promise<"idle"> {
  const nowMs = ports.now().getTime();
  const present = new Set<UploadId>();
  for await (const id of ports.blobs.listUploads()) {
    const upload = await ports.database.upload.findUnique({ where: { id }, select: { releasedAt: true } });
    if (upload !== null && upload.releasedAt === null) continue;
    present.add(id);
    const since = strays.get(id) ?? nowMs;
    strays.set(id, since);
    if (nowMs - since < ports.config.STRAY_AFTER) continue;
    await ports.blobs.remove(id);
    strays.delete(id);
    ports.log.info("staged bytes without an upload are removed", { uploadId: id });
  }
  for (const id of strays.keys()) if (!present.has(id)) strays.delete(id);
  return "idle";
}
