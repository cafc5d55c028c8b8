import type { Database } from "@granary/database";
import { type OpenUploads, openUploadStates } from "../metrics.js";

/** How many uploads are in each state that is not an end, and how long the longest has been there. */
export async function readOpenUploads(database: Database): Promise<OpenUploads> {
  // Placing has no instant of its own: it begins when the deal is declared.
  const rows = await database.$queryRaw<{ state: string; count: number; oldest: number }[]>`
    SELECT state::text, count(*)::int AS count,
      extract(epoch FROM now() - min(CASE state
        WHEN 'receiving' THEN created_at
        WHEN 'received' THEN received_at
        WHEN 'encoded' THEN encoded_at
        ELSE declared_at END))::float8 AS oldest
    FROM ingest.upload WHERE state IN ('receiving', 'received', 'encoded', 'declared', 'placing') GROUP BY state`;
  const entries = openUploadStates.map((state) => {
    const row = rows.find((one) => one.state === state);
    return [state, { count: row?.count ?? 0, oldestSeconds: Math.max(0, row?.oldest ?? 0) }] as const;
  });
  return Object.fromEntries(entries) as OpenUploads;
}
