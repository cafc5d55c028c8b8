import type { Database } from "@granary/database";
import type { Readings } from "../metrics.js";
import type { Clock } from "../ports.js";

const openDealStates = ["opened", "declaring", "placing"] as const;
const openTransactionStates = ["prepared", "submitted", "included"] as const;

/** The numbers that Postgres knows. */
export function createDatabaseReadings(
  database: Database,
  clock: Clock,
): Pick<Readings, "deals" | "oldestOpenSeconds" | "miners" | "openTransactions"> {
  return {
    async deals() {
      const counts = { opened: 0, declaring: 0, placing: 0, active: 0, failed: 0 };
      const rows = await database.deal.groupBy({ by: ["state"], _count: true });
      for (const { state, _count } of rows) counts[state] = _count;
      return counts;
    },
    async oldestOpenSeconds() {
      const where = { state: { in: [...openDealStates] } };
      const oldest = await database.deal.findFirst({
        where,
        orderBy: { createdAt: "asc" },
        select: { createdAt: true },
      });
      return oldest === null ? 0 : Math.max(0, (clock() - oldest.createdAt.getTime()) / 1000);
    },
    async miners() {
      const now = new Date(clock());
      const positive = { chainState: "positive", quarantinedReason: null };
      const count = (where: object) => database.minerRecord.count({ where });
      const [available, cooldown, probing, quarantined, all] = await Promise.all([
        count({ ...positive, cooldownUntil: null }),
        count({ ...positive, cooldownUntil: { gt: now } }),
        count({ ...positive, cooldownUntil: { lte: now } }),
        count({ quarantinedReason: { not: null } }),
        count({}),
      ]);
      const unavailable = Math.max(0, all - available - cooldown - probing - quarantined);
      return { available, cooldown, probing, quarantined, unavailable };
    },
    openTransactions: () => database.chainTransaction.count({ where: { state: { in: [...openTransactionStates] } } }),
  };
}
