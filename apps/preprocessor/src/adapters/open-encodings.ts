import type { Database } from "@granary/database";
import { type OpenEncodings, openEncodingStates } from "../ports.js";

/** How many uploads are in each state that is not an end, and how old the oldest of them is. */
export async function readOpenEncodings(database: Database): Promise<OpenEncodings> {
  const rows = await database.$queryRaw<{ state: string; count: number; oldest: number }[]>`
    SELECT state::text, count(*)::int AS count, extract(epoch FROM now() - min(created_at))::float8 AS oldest
    FROM manifest.encoding WHERE state IN ('queued', 'encoding') GROUP BY state`;
  const entries = openEncodingStates.map((state) => {
    const row = rows.find((one) => one.state === state);
    return [state, { count: row?.count ?? 0, oldestSeconds: Math.max(0, row?.oldest ?? 0) }] as const;
  });
  return Object.fromEntries(entries) as OpenEncodings;
}
