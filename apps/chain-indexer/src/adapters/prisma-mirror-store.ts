import type { FileOwner, Territory } from "@granary/chain-client";
import { type ChainMiner, type EventName, events } from "@granary/contracts";
import type {
  ChainDealModel,
  ChainFileModel,
  ChainFileOwnerModel,
  ChainMinerModel,
  ChainReportModel,
  ChainTerritoryModel,
  Database,
  Outbox,
  Transaction,
} from "@granary/database";
import { type AccountId, CodedError, type Fid } from "@granary/primitives";
import type { Cursor, KnownDeal, KnownFile, MirrorStore } from "../ports.js";
import { clearMirror, writeEffects } from "./write-effects.js";

/** A snapshot of a big chain is one transaction. */
const COMMIT_TIMEOUT_MS = 120_000;

export function createPrismaMirrorStore({ database, outbox }: { database: Database; outbox: Outbox }): MirrorStore {
  return {
    ...readCursor(database),
    ...readDeals(database),
    ...readFiles(database),
    ...readMiners(database),
    ...readTerritories(database),
    commit: (from, to, effects, options) =>
      database.$transaction(
        async (tx) => {
          await moveCursor(tx, from, to);
          if (options?.clear === true) await clearMirror(tx);
          await writeEffects(tx, effects, to.number);
          for (const fact of effects.facts) await announce(tx, outbox, fact.name, fact.message);
        },
        { maxWait: 10_000, timeout: COMMIT_TIMEOUT_MS },
      ),
  };
}

async function announce(tx: Transaction, outbox: Outbox, name: EventName, message: unknown): Promise<void> {
  await outbox.add(tx, events[name].subject, events[name].schema.parse(message));
}

/** The row of the cursor is locked first: commits of two replicas come one after the other, and the second is refused. */
async function moveCursor(tx: Transaction, from: Cursor | null, to: Cursor): Promise<void> {
  const values = [to.genesisHash, to.number, to.hash] as const;
  const moved =
    from === null
      ? await tx.$executeRawUnsafe(
          `INSERT INTO chain.cursor (id, genesis, height, hash, updated_at) VALUES (1, $1, $2, $3, now())
           ON CONFLICT DO NOTHING`,
          ...values,
        )
      : await tx.$executeRawUnsafe(
          `UPDATE chain.cursor SET genesis = $1, height = $2, hash = $3, updated_at = now()
           WHERE id = 1 AND genesis = $4 AND height = $5 AND hash = $6`,
          ...values,
          from.genesisHash,
          from.number,
          from.hash,
        );
  if (moved === 1) return;
  throw new CodedError("CURSOR_MOVED", "conflict", "another replica has moved the cursor", { to: to.number });
}

const readCursor = (database: Database): Pick<MirrorStore, "cursor"> => ({
  async cursor() {
    const row = await database.cursor.findUnique({ where: { id: 1 } });
    return row === null ? null : { genesisHash: row.genesis, number: Number(row.height), hash: row.hash };
  },
});

const knownDeal = (row: ChainDealModel & { reports: ChainReportModel[] }): KnownDeal => ({
  fid: row.fid as Fid,
  state: row.state,
  owner: { account: row.owner as AccountId, territory: row.territory, name: row.name },
  operator: row.operator as AccountId,
  sizeBytes: Number(row.sizeBytes),
  segmentCount: row.segmentCount,
  openedBlock: Number(row.openedBlock),
  updatedBlock: Number(row.updatedBlock),
  reports: row.reports.map(({ index, miner, block }) => ({ index, miner: miner as AccountId, block: Number(block) })),
});

const readDeals = (database: Database): Pick<MirrorStore, "deals" | "openDealFids"> => ({
  async deals(fids) {
    if (fids.length === 0) return new Map();
    const rows = await database.chainDeal.findMany({ where: { fid: { in: [...fids] } }, include: { reports: true } });
    return new Map(rows.map((row) => [row.fid as Fid, knownDeal(row)]));
  },
  async openDealFids() {
    const rows = await database.chainDeal.findMany({ where: { state: "open" }, select: { fid: true } });
    return rows.map((row) => row.fid as Fid);
  },
});

const fileOwner = (row: ChainFileOwnerModel): FileOwner => ({
  account: row.account as AccountId,
  territory: row.territory,
  name: row.name,
});

const knownFile = (row: ChainFileModel & { owners: ChainFileOwnerModel[] }): KnownFile => ({
  fid: row.fid as Fid,
  state: row.state as KnownFile["state"],
  sizeBytes: Number(row.sizeBytes),
  segmentCount: row.segmentCount,
  completedBlock: Number(row.completedBlock),
  updatedBlock: Number(row.updatedBlock),
  owners: row.owners.map(fileOwner),
});

const readFiles = (database: Database): Pick<MirrorStore, "file" | "files" | "fileOwners"> => ({
  async file(fid) {
    const row = await database.chainFile.findUnique({ where: { fid }, include: { owners: true } });
    return row === null ? null : knownFile(row);
  },
  async files(fids) {
    const rows = await database.chainFile.findMany({ where: { fid: { in: [...fids] } }, include: { owners: true } });
    return new Map(rows.map((row) => [row.fid as Fid, knownFile(row)]));
  },
  async fileOwners() {
    const rows = await database.chainFileOwner.findMany({ select: { account: true, fid: true, territory: true } });
    const owners = new Map<AccountId, { fid: Fid; territory: string }[]>();
    for (const { account, fid, territory } of rows) {
      const entries = owners.get(account as AccountId) ?? [];
      entries.push({ fid: fid as Fid, territory });
      owners.set(account as AccountId, entries);
    }
    return owners;
  },
});

const chainMiner = (row: ChainMinerModel): ChainMiner => ({
  account: row.account as AccountId,
  state: row.state,
  endpoint: row.endpoint,
  idleBytes: Number(row.idleBytes),
  serviceBytes: Number(row.serviceBytes),
  lockedBytes: Number(row.lockedBytes),
  declaredBytes: Number(row.declaredBytes),
  updatedBlock: Number(row.updatedBlock),
});

const readMiners = (database: Database): Pick<MirrorStore, "minersOf" | "miners" | "allMiners"> => ({
  async minersOf(accounts) {
    const rows = await database.chainMiner.findMany({ where: { account: { in: [...accounts] } } });
    return new Map(rows.map((row) => [row.account as AccountId, chainMiner(row)]));
  },
  async miners(after, count) {
    const rows = await database.chainMiner.findMany({
      ...(after === null ? {} : { where: { account: { gt: after } } }),
      orderBy: { account: "asc" },
      take: count,
    });
    return rows.map(chainMiner);
  },
  async allMiners() {
    const rows = await database.chainMiner.findMany();
    return new Map(rows.map((row) => [row.account as AccountId, chainMiner(row)]));
  },
});

const territory = (row: ChainTerritoryModel): Territory => ({
  account: row.account as AccountId,
  name: row.name,
  token: row.token,
  state: row.state as Territory["state"],
  totalBytes: Number(row.totalBytes),
  usedBytes: Number(row.usedBytes),
  lockedBytes: Number(row.lockedBytes),
  remainingBytes: Number(row.remainingBytes),
  startBlock: Number(row.startBlock),
  deadlineBlock: Number(row.deadlineBlock),
});

type TerritoryReads =
  | "territoriesNamed"
  | "territoriesOfTokens"
  | "territoriesOverdue"
  | "allTerritories"
  | "allAuthorizations";
const key = { account: true, name: true } as const;
const keyFrom = (row: { account: string; name: string }) => ({ account: row.account as AccountId, name: row.name });

const readTerritories = (database: Database): Pick<MirrorStore, TerritoryReads> => ({
  async territoriesNamed(names) {
    const rows = await database.chainTerritory.findMany({ where: { name: { in: [...names] } }, select: key });
    return rows.map(keyFrom);
  },
  async territoriesOfTokens(tokens) {
    const rows = await database.chainTerritory.findMany({ where: { token: { in: [...tokens] } }, select: key });
    return rows.map(keyFrom);
  },
  async territoriesOverdue(block) {
    const rows = await database.chainTerritory.findMany({
      where: { state: { in: ["active", "on-consignment"] }, deadlineBlock: { lte: block } },
      select: key,
    });
    return rows.map(keyFrom);
  },
  async allTerritories() {
    return (await database.chainTerritory.findMany()).map(territory);
  },
  async allAuthorizations() {
    const lists = new Map<AccountId, AccountId[]>();
    for (const { owner, operator } of await database.chainAuthorization.findMany()) {
      const operators = lists.get(owner as AccountId) ?? [];
      operators.push(operator as AccountId);
      lists.set(owner as AccountId, operators);
    }
    return [...lists].map(([owner, operators]) => ({ owner, operators }));
  },
});
