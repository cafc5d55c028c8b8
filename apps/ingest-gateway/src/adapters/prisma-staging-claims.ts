import { randomUUID } from "node:crypto";
import type { Database } from "@granary/database";
import { lockByName } from "../flow/check-territory.js";
import type { StagingClaims } from "./staging-room.js";

/** Claims of all gateways that share a volume, one row for each process; who raises one has looked at all others. */
export function createPrismaStagingClaims(options: {
  readonly database: Database;
  readonly freeBytes: () => Promise<number>;
  /** A claim that was not renewed for so long is that of a process that is gone. */
  readonly staleMs: number;
}): StagingClaims {
  const { database, freeBytes, staleMs } = options;
  const id = randomUUID();
  return {
    raise: (bytes) =>
      database.$transaction(async (tx) => {
        await lockByName(tx, "staging room");
        await tx.$executeRaw`
          DELETE FROM ingest.staging_claim
          WHERE renewed_at < now() - make_interval(secs => ${staleMs / 1000}::double precision)`;
        const others = await tx.stagingClaim.aggregate({ where: { id: { not: id } }, _sum: { bytes: true } });
        if (bytes + Number(others._sum.bytes ?? 0n) > (await freeBytes())) return false;
        await tx.$executeRaw`
          INSERT INTO ingest.staging_claim (id, bytes, renewed_at) VALUES (${id}::uuid, ${bytes}::bigint, now())
          ON CONFLICT (id) DO UPDATE SET bytes = EXCLUDED.bytes, renewed_at = EXCLUDED.renewed_at`;
        return true;
      }),
    async renew(bytes) {
      if (bytes === 0) await database.stagingClaim.deleteMany({ where: { id } });
      else {
        await database.$executeRaw`
          INSERT INTO ingest.staging_claim (id, bytes, renewed_at) VALUES (${id}::uuid, ${bytes}::bigint, now())
          ON CONFLICT (id) DO UPDATE SET bytes = EXCLUDED.bytes, renewed_at = EXCLUDED.renewed_at`;
      }
    },
  };
}
