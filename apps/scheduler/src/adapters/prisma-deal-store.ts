import { randomUUID } from "node:crypto";
import { events } from "@granary/contracts";
import type { Database, Outbox, Prisma, Transaction } from "@granary/database";
import { advance, type Effect, openDeal, standingOf } from "@granary/domain/deal";
import { type AccountId, FRAGMENTS_PER_SEGMENT, type UploadId } from "@granary/primitives";
import { currentTrace } from "@granary/telemetry";
import type { Attempt, Clock, DealRecord, DealStore, LockedDeal, MinerPool, NewDeal, Observer } from "../ports.js";
import { columnData, recordOf, stateData } from "./deal-rows.js";

const openStates = ["opened", "declaring", "placing"] as const;
const withColumns = { columns: { orderBy: { index: "asc" } } } as const;
/** A round that died between being taken and giving out its columns gets another job after this time. */
const ROUND_NAME_MS = 60_000;

interface StoreParts {
  readonly database: Database;
  readonly outbox: Outbox;
  readonly miners: Pick<MinerPool, "judge" | "claimProbes">;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly observer: Pick<Observer, "columnEnded" | "dealPlaced" | "dealActive" | "falselyRedispatched">;
}

export function createPrismaDealStore(parts: StoreParts): DealStore {
  const { database, clock, leaseMs } = parts;
  const instant = (ms: number) => new Date(ms);
  const leaseEnd = () => instant(clock() + leaseMs);

  const change = <T>(
    uploadId: UploadId,
    work: (deal: LockedDeal) => T | Promise<T>,
    how: "wait" | "skip",
    tx?: Transaction,
  ): Promise<T | null> =>
    tx === undefined
      ? database.$transaction((fresh) => changeLocked(parts, fresh, uploadId, work, how))
      : changeLocked(parts, tx, uploadId, work, how);

  return {
    async open(deal, tx) {
      await insertDeal(tx, deal, clock());
      await change(deal.uploadId, (it) => it.announceAgain(), "wait", tx);
    },
    async find(uploadId) {
      const row = await database.deal.findUnique({ where: { uploadId }, include: withColumns });
      return row && recordOf(row);
    },
    async findByFid(fid) {
      const row = await database.deal.findFirst({
        where: { fid },
        include: withColumns,
        orderBy: { createdAt: "desc" },
      });
      return row && recordOf(row);
    },
    async attempts(uploadId, tx = database) {
      const rows = await tx.placementAttempt.findMany({ where: { uploadId }, orderBy: { startedAt: "asc" } });
      return rows.map(
        (row): Attempt => ({
          index: row.index,
          miner: row.miner as AccountId,
          startedAt: row.startedAt.getTime(),
          endedAt: row.endedAt?.getTime() ?? null,
          outcome: row.outcome,
          reason: row.reason as Attempt["reason"],
        }),
      );
    },
    change: (uploadId, work, tx) => change(uploadId, work, "wait", tx),
    tryChange: (uploadId, work) => change(uploadId, work, "skip"),
    async openOf(fid, tx) {
      const rows = await tx.deal.findMany({
        where: { fid, state: { in: [...openStates] } },
        select: { uploadId: true },
      });
      return rows.map((row) => row.uploadId as UploadId);
    },
    async nudge(fid, tx = database) {
      await tx.deal.updateMany({
        where: { fid, state: { in: [...openStates] } },
        data: { notBefore: instant(clock()) },
      });
    },

    async dueDeclarations(limit) {
      const rows = await database.deal.findMany({
        where: declarationDue(instant(clock())),
        select: { uploadId: true, attempts: true, trace: true },
        orderBy: { notBefore: "asc" },
        take: limit,
      });
      return rows.map(({ uploadId, attempts, trace }) => ({ name: `${uploadId}.${attempts}`, trace }));
    },
    async claimDeclaration(uploadId) {
      const where = { uploadId, ...declarationDue(instant(clock())) };
      const data = { leaseUntil: leaseEnd(), attempts: { increment: 1 } };
      const { count } = await database.deal.updateMany({ where, data });
      return count === 0 ? null : this.find(uploadId);
    },
    async renewDeclaration(uploadId) {
      await database.deal.updateMany({ where: { uploadId }, data: { leaseUntil: leaseEnd() } });
    },
    async releaseDeclaration(uploadId) {
      await database.deal.updateMany({ where: { uploadId }, data: { leaseUntil: null } });
    },
    beginDeclaration: (uploadId) =>
      database.$transaction(async (tx) => {
        const { fid } = await tx.deal.findUniqueOrThrow({ where: { uploadId }, select: { fid: true } });
        await tx.$executeRawUnsafe("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", `fid:${fid}`);
        const rivals = {
          fid,
          uploadId: { not: uploadId },
          state: { in: ["declaring", "placing"] },
        } satisfies Prisma.DealWhereInput;
        if ((await tx.deal.count({ where: rivals })) > 0) return false;
        await change(uploadId, (deal) => deal.apply({ kind: "declaration-begun" }), "wait", tx);
        return true;
      }),

    async dueRounds(limit) {
      const now = instant(clock());
      const rows = await database.deal.findMany({
        where: {
          state: "placing",
          columns: { some: { state: "pending", OR: [{ leaseUntil: null }, { leaseUntil: { lte: now } }] } },
        },
        select: { uploadId: true, trace: true, columns: { select: { attempts: true } } },
        orderBy: { createdAt: "asc" },
        take: limit,
      });
      const name = Math.floor(clock() / ROUND_NAME_MS);
      return rows.map(({ uploadId, columns, trace }) => {
        const attempts = columns.reduce((sum, column) => sum + column.attempts, 0);
        return { name: `${uploadId}.${attempts}.${name}`, trace };
      });
    },
    async lapsed(limit) {
      const rows = await database.dealColumn.findMany({
        where: {
          state: { in: ["sending", "placed"] },
          OR: [{ leaseUntil: { lte: instant(clock()) } }, { rivalLeaseUntil: { lte: instant(clock()) } }],
          deal: { state: "placing" },
        },
        select: { uploadId: true },
        distinct: ["uploadId"],
        take: limit,
      });
      return rows.map((row) => row.uploadId as UploadId);
    },
    async dueReviews(limit) {
      const rows = await database.deal.findMany({
        where: { state: "placing", notBefore: { lte: instant(clock()) } },
        select: { uploadId: true },
        orderBy: { notBefore: "asc" },
        take: limit,
      });
      return rows.map((row) => row.uploadId as UploadId);
    },
    async renewColumns(uploadId, columns) {
      const rows = await database.$queryRawUnsafe<{ miner: string; rival_miner: string | null }[]>(
        renewQuery,
        uploadId,
        columns.map(({ index }) => index),
        columns.map(({ miner }) => miner),
        leaseEnd(),
      );
      const held = new Set(rows.flatMap((row) => [row.miner, row.rival_miner]));
      return new Set(columns.flatMap(({ miner }) => (held.has(miner) ? [miner] : [])));
    },
  };
}

/** One statement for all columns of a round: a lease must not run out because renewing it takes many round trips. */
const renewQuery = `
  WITH ours AS (SELECT * FROM unnest($2::int[], $3::text[]) AS given (index, miner))
  UPDATE scheduling.deal_column AS col SET
    lease_until = CASE WHEN (col.index, col.miner) IN (SELECT * FROM ours) THEN $4::timestamp ELSE col.lease_until END,
    rival_lease_until = CASE WHEN (col.index, col.rival_miner) IN (SELECT * FROM ours)
      THEN $4::timestamp ELSE col.rival_lease_until END
  FROM scheduling.deal
  WHERE col.upload_id = $1::uuid AND deal.upload_id = col.upload_id AND deal.state = 'placing'
    AND col.state = 'sending'
    AND ((col.index, col.miner) IN (SELECT * FROM ours) OR (col.index, col.rival_miner) IN (SELECT * FROM ours))
  RETURNING col.miner, col.rival_miner`;

const declarationDue = (now: Date) =>
  ({
    state: { in: ["opened", "declaring"] },
    notBefore: { lte: now },
    OR: [{ leaseUntil: null }, { leaseUntil: { lte: now } }],
  }) satisfies Prisma.DealWhereInput;

async function insertDeal(tx: Transaction, deal: NewDeal, now: number): Promise<void> {
  const { placement, ...facts } = deal;
  const at = new Date(now);
  const { count } = await tx.deal.createMany({
    data: {
      ...facts,
      ...(placement === null ? {} : { placement }),
      createdAt: at,
      notBefore: at,
      trace: currentTrace() ?? null,
    },
    skipDuplicates: true,
  });
  if (count === 0) return;
  await tx.dealColumn.createMany({
    data: openDeal(now).columns.map((column) => ({
      uploadId: deal.uploadId,
      index: column.index,
      ...columnData(column),
    })),
  });
}

/** What a change has gathered until it is written. */
interface Pending {
  record: DealRecord;
  readonly effects: Effect[];
  readonly reasons: Map<number, object>;
  notBefore: number | null;
  obstacle: DealRecord["obstacle"] | undefined;
  isResumed: boolean;
}

async function changeLocked<T>(
  parts: StoreParts,
  tx: Transaction,
  uploadId: UploadId,
  work: (deal: LockedDeal) => T | Promise<T>,
  how: "wait" | "skip",
): Promise<T | null> {
  const lock = `SELECT 1 FROM scheduling.deal WHERE upload_id = $1::uuid FOR UPDATE ${how === "skip" ? "SKIP LOCKED" : ""}`;
  if ((await tx.$queryRawUnsafe<unknown[]>(lock, uploadId)).length === 0) return null;
  const before = recordOf(await tx.deal.findUniqueOrThrow({ where: { uploadId }, include: withColumns }));
  const pending: Pending = {
    record: before,
    effects: [],
    reasons: new Map(),
    notBefore: null,
    obstacle: undefined,
    isResumed: false,
  };
  const result = await work({
    get record() {
      return pending.record;
    },
    apply(event) {
      const { deal, effects } = advance(pending.record.deal, event, parts.clock());
      pending.record = { ...pending.record, deal };
      pending.effects.push(...effects);
    },
    claimProbes: (accounts) => parts.miners.claimProbes(accounts, tx),
    explain: (index, reason) => void pending.reasons.set(index, reason),
    lookAgainAt(at) {
      pending.notBefore = at;
    },
    setObstacle(obstacle) {
      pending.obstacle = obstacle;
    },
    countPatienceAnew() {
      pending.isResumed = true;
    },
    announceAgain: () => void pending.effects.push({ do: "announce" }),
  });
  await write(parts, tx, before, pending);
  return result;
}

async function write(parts: StoreParts, tx: Transaction, before: DealRecord, pending: Pending): Promise<void> {
  const { uploadId } = before;
  const { deal } = pending.record;
  for (const [i, column] of deal.columns.entries()) {
    if (column === before.deal.columns[i]) continue;
    const where = { uploadId_index: { uploadId, index: column.index } };
    await tx.dealColumn.update({ where, data: columnData(column) });
  }
  await writeAttempts(parts, tx, uploadId, pending);
  const isTold = pending.effects.some((effect) => effect.do === "announce");
  const revision = before.revision + (isTold ? 1 : 0);
  const failure = deal.state === "failed" ? deal.failure : deal.state === "active" ? null : pending.obstacle;
  const { declaredBlock, activeBlock, state } = stateData(deal);
  await tx.deal.update({
    where: { uploadId },
    data: {
      state,
      revision,
      updatedAt: new Date(parts.clock()),
      ...(declaredBlock === undefined ? {} : { declaredBlock }),
      ...(activeBlock === undefined ? {} : { activeBlock }),
      ...(failure === undefined ? {} : { failureCode: failure?.code ?? null, failureReason: failure?.reason ?? null }),
      ...(pending.isResumed ? { resumedAt: new Date(parts.clock()) } : {}),
      ...(pending.notBefore === null ? {} : { notBefore: new Date(pending.notBefore) }),
    },
  });
  observeTimes(parts, before, deal);
  if (!isTold) return;
  const message = { uploadId, fid: before.fid, revision, ...standingOf(deal) };
  await parts.outbox.add(tx, events.dealAdvanced.subject, events.dealAdvanced.schema.parse(message), before.trace);
}

function observeTimes({ clock, observer }: StoreParts, before: DealRecord, deal: DealRecord["deal"]): void {
  const seconds = (clock() - before.createdAt) / 1000;
  const [was, is] = [standingOf(before.deal), standingOf(deal)];
  if (is.placedColumns === FRAGMENTS_PER_SEGMENT && was.placedColumns < is.placedColumns) observer.dealPlaced(seconds);
  if (is.state === "active" && was.state !== "active") observer.dealActive(seconds);
}

/** Attempts first, as the judgement of a late report depends on how its attempt had ended; then miners in one order, so
 * that two deals never wait for each other's. */
async function writeAttempts(parts: StoreParts, tx: Transaction, uploadId: UploadId, pending: Pending): Promise<void> {
  const now = new Date(parts.clock());
  const missedAt = new Map<string, number>();
  for (const effect of pending.effects) {
    if (effect.do === "open-attempt") {
      const { index, miner } = effect;
      const reason = pending.reasons.get(index) as Prisma.InputJsonObject | undefined;
      const data = { id: randomUUID(), uploadId, index, miner, startedAt: now };
      await tx.placementAttempt.create({ data: reason === undefined ? data : { ...data, reason } });
    }
    if (effect.do === "exchange-attempts") {
      const { from, to } = effect;
      const lastOf = (one: typeof from) =>
        tx.placementAttempt.findFirst({ where: { uploadId, ...one }, orderBy: { startedAt: "desc" } });
      const [one, other] = [await lastOf(from), await lastOf(to)];
      if (one !== null) await tx.placementAttempt.update({ where: { id: one.id }, data: { index: to.index } });
      if (other !== null) await tx.placementAttempt.update({ where: { id: other.id }, data: { index: from.index } });
    }
    if (effect.do === "end-attempt") {
      const { index, miner } = effect;
      const last = await tx.placementAttempt.findFirst({
        where: { uploadId, index, miner },
        orderBy: { startedAt: "desc" },
      });
      const isLate = effect.outcome === "reported" && last?.outcome === "REPORT_MISSED";
      if (isLate) missedAt.set(miner, last.endedAt?.getTime() ?? now.getTime());
      const outcome = isLate ? "report_late" : effect.outcome;
      parts.observer.columnEnded(outcome);
      if (isLate) parts.observer.falselyRedispatched();
      if (last !== null) await tx.placementAttempt.update({ where: { id: last.id }, data: { outcome, endedAt: now } });
    }
  }
  const judgements = pending.effects.flatMap((effect) => (effect.do === "judge" ? [effect] : []));
  for (const { miner, observation } of judgements.sort((a, b) => (a.miner < b.miner ? -1 : 1))) {
    const late = missedAt.get(miner);
    const isLate = observation.kind === "reported" && late !== undefined;
    await parts.miners.judge(miner, isLate ? { ...observation, kind: "report-late", missedAt: late } : observation, tx);
  }
}
