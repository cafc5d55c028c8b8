import type { Database, MinerRecordModel, Transaction } from "@granary/database";
import { createRoster } from "@granary/domain/miner";
import type { AccountId } from "@granary/primitives";
import type { MinerRecord, MinerView } from "../ports.js";

/** Columns of deals that are being placed, by miner. */
export interface Loads {
  readonly inflight: ReadonlyMap<string, number>;
  readonly unreported: ReadonlyMap<string, number>;
}

export async function readLoads(database: Pick<Transaction, "$queryRawUnsafe">): Promise<Loads> {
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
 * Law: what `view` gives is at least as new as its call, whichever replica wrote it. Every row carries the number of the
 * transaction that changed it last. Transactions below the horizon (the oldest that runs) are all visible to whoever
 * reads after it was asked for; so rows from the last horizon up are all that can be new.
 */
export function createMinerMemory(parts: {
  readonly database: Database;
  readonly recordOf: (row: MinerRecordModel) => MinerRecord;
  /** True when what is known besides the rows has changed: then all are read again. */
  readonly hasChangedBesides: () => boolean;
}): { view(): Promise<MinerView> } {
  const { database } = parts;
  const roster = createRoster();
  const known = new Map<AccountId, Pick<MinerRecord, "account" | "endpoint" | "position">>();
  let loads: Loads = { inflight: new Map(), unreported: new Map() };
  let horizon = 0n;
  let last: Promise<unknown> = Promise.resolve();

  const loadOf = (account: AccountId, { inflight, unreported }: Loads) => ({
    inflight: inflight.get(account) ?? 0,
    unreported: unreported.get(account) ?? 0,
  });
  const view: MinerView = {
    choose: (order) => roster.choose(order),
    endpointOf: (account) => known.get(account)?.endpoint ?? null,
    places: () => known.values(),
  };

  async function refresh(): Promise<MinerView> {
    const [now] = await database.$queryRawUnsafe<{ xmin: bigint }[]>(
      "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin",
    );
    const since = parts.hasChangedBesides() ? 0n : horizon;
    const [rows, fresh] = await Promise.all([
      database.minerRecord.findMany({ where: { changedIn: { gte: since } } }),
      readLoads(database),
    ]);
    for (const row of rows) {
      const record = parts.recordOf(row);
      const { account, endpoint, position } = record;
      known.set(account, { account, endpoint, position });
      roster.put({ ...record, ...loadOf(account, fresh) });
    }
    const loaded = [loads, fresh].flatMap(({ inflight, unreported }) => [...inflight.keys(), ...unreported.keys()]);
    for (const account of new Set(loaded) as Set<AccountId>) roster.setLoad(account, loadOf(account, fresh));
    loads = fresh;
    horizon = now?.xmin ?? 0n;
    return view;
  }

  return {
    view() {
      const mine = last.then(refresh);
      last = mine.catch(() => undefined);
      return mine;
    },
  };
}
