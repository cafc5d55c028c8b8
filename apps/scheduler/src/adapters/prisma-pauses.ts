import type { InputOf, OutputOf } from "@granary/contracts";
import type { AuditLog, Database } from "@granary/database";

type PlacementPause = OutputOf<"placementPause">["placementPause"];

/** Work that an operator has paused, for all replicas. */
export interface Pauses {
  placement(): Promise<PlacementPause>;
  set(order: InputOf<"placementPause">): Promise<PlacementPause>;
}

const PLACEMENT = "placement";

export function createPrismaPauses({ database, audit }: { database: Database; audit: AuditLog }): Pauses {
  const placement = async (): Promise<PlacementPause> => {
    const row = await database.pause.findUnique({ where: { what: PLACEMENT } });
    return row && { actor: row.actor, reason: row.reason, since: row.since.toISOString() };
  };
  return {
    placement,
    async set({ isPaused, actor, reason }) {
      await database.$transaction(async (tx) => {
        if (isPaused) {
          const data = { actor, reason };
          await tx.pause.upsert({ where: { what: PLACEMENT }, create: { what: PLACEMENT, ...data }, update: data });
        } else {
          await tx.pause.deleteMany({ where: { what: PLACEMENT } });
        }
        await audit.record(tx, {
          actor: `operator:${actor}`,
          action: isPaused ? "placement.paused" : "placement.resumed",
          subject: PLACEMENT,
          details: { reason },
        });
      });
      return placement();
    },
  };
}
