import type { Database, MinerRecordModel } from "@granary/database";
import type { AccountId } from "@granary/primitives";
import type { MinerRecord } from "../ports.js";

type Kept = { -readonly [K in keyof MinerRecord]: MinerRecord[K] };

/** Columns of deals that are being placed, by miner. */
export interface Loads {
  readonly inflight: ReadonlyMap<string, number>;
  readonly unreported: ReadonlyMap<string, number>;
}

export async function readLoads(database: Database): Promise<Loads> {
  const rows = await database.$queryRawUnsafe<{ miner: string; sending: number; placed: number }[]>(loadsQuery);
  return {
    inflight: new Map(rows.flatMap(({ miner, sending }) => (sending > 0 ? [[miner, sending]] : []))),
    unreported: new Map(rows.flatMap(({ miner, placed }) => (placed > 0 ? [[miner, placed]] : []))),
  };
}

/** The second miner of a hedged column carries it as well as the first. */
const loadsQuery = `
  SELECT miner, count(*) FILTER (WHERE state = 'sending')::int AS sending,
    count(*) FILTER (WHERE state = 'placed')::int AS placed
  FROM (
    SELECT col.miner, col.state FROM scheduling.deal_column col JOIN scheduling.deal USING (upload_id)
    WHERE col.state IN ('sending', 'placed') AND deal.state = 'placing'
    UNION ALL
    SELECT col.rival_miner, col.state FROM scheduling.deal_column col JOIN scheduling.deal USING (upload_id)
    WHERE col.state = 'sending' AND col.rival_miner IS NOT NULL AND deal.state = 'placing'
  ) AS given GROUP BY miner`;

/**
 * All miners, held in memory so that a choice reads only what has changed.
 *
 * Law: what `read` gives is at least as new as its call, whichever replica wrote it. Every row carries the number of the
 * transaction that changed it last. Transactions below the horizon (the oldest that runs) are all visible to whoever
 * reads after it was asked for; so rows from the last horizon up are all that can be new.
 */
export function createMinerMemory(parts: {
  readonly database: Database;
  readonly recordOf: (row: MinerRecordModel) => MinerRecord;
  /** True when what is known besides the rows has changed: then all are read again. */
  readonly hasChangedBesides: () => boolean;
}): { read(): Promise<readonly MinerRecord[]> } {
  const { database } = parts;
  const records: Kept[] = [];
  const placeOf = new Map<AccountId, number>();
  const loaded = new Set<string>();
  let horizon = 0n;
  let last: Promise<unknown> = Promise.resolve();

  async function refresh(): Promise<readonly MinerRecord[]> {
    const [now] = await database.$queryRawUnsafe<{ xmin: bigint }[]>(
      "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin",
    );
    const since = parts.hasChangedBesides() ? 0n : horizon;
    const [rows, loads] = await Promise.all([
      database.minerRecord.findMany({ where: { changedIn: { gte: since } } }),
      readLoads(database),
    ]);
    for (const row of rows) keep(parts.recordOf(row));
    horizon = now?.xmin ?? 0n;
    carry(loads);
    return records;
  }

  function keep(record: MinerRecord): void {
    const place = placeOf.get(record.account);
    if (place === undefined) placeOf.set(record.account, records.push({ ...record }) - 1);
    else records[place] = { ...record };
  }

  function carry({ inflight, unreported }: Loads): void {
    const heavy = new Set([...inflight.keys(), ...unreported.keys()]);
    for (const account of new Set([...loaded, ...heavy])) {
      const record = records[placeOf.get(account as AccountId) ?? -1];
      if (record === undefined) continue;
      record.inflight = inflight.get(account) ?? 0;
      record.unreported = unreported.get(account) ?? 0;
    }
    loaded.clear();
    for (const account of heavy) loaded.add(account);
  }

  return {
    read() {
      const mine = last.then(refresh);
      last = mine.catch(() => undefined);
      return mine;
    },
  };
}
