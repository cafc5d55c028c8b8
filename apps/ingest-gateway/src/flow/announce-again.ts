import type { Ports } from "../ports.js";
import { announceUpload } from "./finish-upload.js";

const BATCH = 50;

/**
 * Announces uploads again that have not moved for a while, later and later while they stand still: the pause is as long
 * as they have stood already. Every stage behind answers an announcement with its present state, so this alone brings an
 * upload to its end when all messages were lost.
 */
export async function announceAgain(
  ports: Pick<Ports, "database" | "outbox" | "config" | "now">,
): Promise<"busy" | "idle"> {
  const now = ports.now();
  const { ANNOUNCE_AFTER, ANNOUNCE_MAX } = ports.config;
  const count = await ports.database.$transaction(async (tx) => {
    const rows = await tx.$queryRaw<{ id: string }[]>`
      SELECT id::text FROM ingest.upload
      WHERE state IN ('received', 'encoded', 'declared', 'placing')
        AND ${sqlTime(now)}::timestamp - greatest(announced_at, updated_at)
          >= least(${ANNOUNCE_MAX}::float8 * interval '1 millisecond',
                   greatest(${ANNOUNCE_AFTER}::float8 * interval '1 millisecond', announced_at - updated_at))
      ORDER BY announced_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`;
    const uploads = await tx.upload.findMany({ where: { id: { in: rows.map((row) => row.id) } } });
    for (const upload of uploads) await announceUpload(ports, tx, upload);
    // Not through the model: an announcement is no progress, so `updated_at` stays.
    await tx.$executeRaw`
      UPDATE ingest.upload SET announced_at = ${sqlTime(now)}::timestamp
      WHERE id = ANY(${rows.map((row) => row.id)}::uuid[])`;
    return rows.length;
  });
  return count === BATCH ? "busy" : "idle";
}

/** The columns hold UTC without saying so. */
const sqlTime = (at: Date): string => at.toISOString().replace("Z", "");
