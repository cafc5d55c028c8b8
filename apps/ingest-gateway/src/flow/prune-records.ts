import type { Inbox } from "@granary/database";
import type { Ports } from "../ports.js";

/** Forgets facts published, and messages handled, longer ago than the stream of facts remembers, and nonces of signatures that have expired. */
export async function pruneRecords(
  ports: Pick<Ports, "database" | "outbox" | "config" | "now">,
  inbox: Inbox,
): Promise<"idle"> {
  const before = new Date(ports.now().getTime() - ports.config.RECORD_RETENTION);
  await ports.outbox.prune(before);
  await inbox.prune(before);
  await ports.database.requestNonce.deleteMany({ where: { expiresAt: { lt: ports.now() } } });
  // Chunks of a released upload are asked for no more.
  await ports.database.uploadPart.deleteMany({ where: { upload: { releasedAt: { lt: before } } } });
  return "idle";
}
