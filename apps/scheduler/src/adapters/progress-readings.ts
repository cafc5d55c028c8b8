import type { Database } from "@granary/database";
import type { AccountId } from "@granary/primitives";
import { openColumnStates, type ProgressReadings, UNITS_PER_TOKEN } from "../metrics.js";
import type { ChainPort } from "../ports.js";

/** What is under way, for how long, and what money there is for it. */
export function createProgressReadings(parts: {
  readonly database: Database;
  readonly chain: Pick<ChainPort, "freeBalance">;
  readonly account: AccountId;
}): ProgressReadings {
  const { database, chain, account } = parts;
  return {
    async columns() {
      const rows = await database.$queryRaw<{ state: string; count: number }[]>`
        SELECT c.state::text, count(*)::int AS count
        FROM scheduling.deal_column c JOIN scheduling.deal d ON d.upload_id = c.upload_id
        WHERE d.state IN ('opened', 'declaring', 'placing') GROUP BY c.state`;
      const countOf = (state: string) => rows.find((row) => row.state === state)?.count ?? 0;
      return Object.fromEntries(openColumnStates.map((state) => [state, countOf(state)])) as never;
    },
    async oldestUnreportedSeconds() {
      const [row] = await database.$queryRaw<{ seconds: number | null }[]>`
        SELECT extract(epoch FROM now() - min(c.placed_at))::float8 AS seconds
        FROM scheduling.deal_column c JOIN scheduling.deal d ON d.upload_id = c.upload_id
        WHERE d.state = 'placing' AND c.state = 'placed'`;
      return Math.max(0, row?.seconds ?? 0);
    },
    async oldestTransactionSeconds() {
      const [row] = await database.$queryRaw<{ seconds: number | null }[]>`
        SELECT extract(epoch FROM now() - min(created_at))::float8 AS seconds
        FROM scheduling.chain_transaction WHERE state IN ('prepared', 'submitted', 'included')`;
      return Math.max(0, row?.seconds ?? 0);
    },
    balanceTokens: async () => Number(await chain.freeBalance(account, "best")) / UNITS_PER_TOKEN,
  };
}
