import type { Database } from "@granary/database";
import type { Readings } from "../metrics.js";
import type { Clock } from "../ports.js";

const openDealStates = ["opened", "declaring", "placing"] as const;
const openTransactionStates = ["prepared", "submitted", "included"] as const;

const LOAD_WINDOW_MS = 3_600_000;

/** With the shares in ascending order: Σ (2i − n − 1)·xᵢ / (n · Σ xᵢ). */
const loadGini = `
  WITH load AS (
    SELECT COALESCE(given.columns, 0)::float8 / GREATEST(miner.idle_bytes, 1) AS share
    FROM scheduling.miner LEFT JOIN (
      SELECT miner, count(*) AS columns FROM scheduling.placement_attempt WHERE started_at > $1 GROUP BY miner
    ) AS given ON given.miner = miner.account
    WHERE miner.chain_state = 'positive' AND miner.quarantined_reason IS NULL
  ), ranked AS (
    SELECT share, row_number() OVER (ORDER BY share) AS place, count(*) OVER () AS miners, sum(share) OVER () AS total
    FROM load
  )
  SELECT CASE WHEN max(total) > 0
    THEN sum((2 * place - miners - 1) * share)::float8 / (max(miners) * max(total)) ELSE 0 END AS gini
  FROM ranked`;

/** The numbers that Postgres knows. */
export function createDatabaseReadings(
  database: Database,
  clock: Clock,
): Pick<Readings, "deals" | "oldestOpenSeconds" | "miners" | "restingMiners" | "loadGini" | "openTransactions"> {
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
    async restingMiners() {
      const where = { chainState: "positive", quarantinedReason: null, cooldownUntil: { gt: new Date(clock()) } };
      const rows = await database.minerRecord.groupBy({ by: ["lastFailureCode"], where, _count: true });
      return rows.map(({ lastFailureCode, _count }) => ({ code: lastFailureCode ?? "OTHER", count: _count }));
    },
    async loadGini() {
      const since = new Date(clock() - LOAD_WINDOW_MS);
      const [row] = await database.$queryRawUnsafe<{ gini: number }[]>(loadGini, since);
      return row?.gini ?? 0;
    },
    openTransactions: () => database.chainTransaction.count({ where: { state: { in: [...openTransactionStates] } } }),
  };
}
