import type { Database, MinerRecordModel, Transaction } from "@granary/database";
import {
  type Experience,
  groupsOfEndpoint,
  isMinersFault,
  isOursTheFault,
  isPoolCrowded,
  judge,
  type MinerPolicy,
  noExperience,
  type Observation,
  type Random,
  type Weather,
} from "@granary/domain/miner";
import { parseEndpoint } from "@granary/miner-client";
import type { AccountId, Fid, UploadId } from "@granary/primitives";
import type { Clock, MinerPool, MinerRecord, PastAttempt } from "../ports.js";
import { createMinerMemory, readLoads } from "./miner-memory.js";
import type { MinerPlaces, watchPlaces } from "./miner-places.js";

const NOT_ON_CHAIN = "not on chain";

export function createPrismaMinerPool(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly policy: MinerPolicy;
  readonly places: ReturnType<typeof watchPlaces>;
}): MinerPool {
  const { database, clock, policy } = parts;

  const windowStart = (now: number) => new Date(now - policy.guardWindowMs);
  const memory = createMinerMemory({
    database,
    recordOf: (row) => recordOf(row, parts.places),
    hasChangedBesides: () => parts.places.look(),
  });

  async function withLoads(rows: readonly MinerRecordModel[]): Promise<MinerRecord[]> {
    const { inflight, unreported } = await readLoads(database);
    return rows.map((row) => ({
      ...recordOf(row, parts.places),
      inflight: inflight.get(row.account) ?? 0,
      unreported: unreported.get(row.account) ?? 0,
    }));
  }

  return {
    async mirror(miner, tx = database) {
      const { account } = miner;
      const facts = {
        chainState: miner.state,
        endpoint: miner.endpoint,
        idleBytes: BigInt(miner.idleBytes),
        updatedAt: new Date(clock()),
      };
      const { count } = await tx.minerRecord.updateMany({ where: { account }, data: facts });
      if (count > 0) return;
      const fresh = { account, ...facts, evidenceAt: new Date(clock()) };
      await tx.minerRecord.createMany({ data: fresh, skipDuplicates: true });
    },
    async retireUnseen(since) {
      const where = { updatedAt: { lt: new Date(since) }, chainState: { not: NOT_ON_CHAIN } };
      await database.minerRecord.updateMany({ where, data: { chainState: NOT_ON_CHAIN } });
    },
    view: () => memory.view(),
    all: async () => withLoads(await database.minerRecord.findMany()),
    list: async (after, count) =>
      withLoads(
        await database.minerRecord.findMany({
          ...(after === null ? {} : { where: { account: { gt: after } } }),
          orderBy: { account: "asc" },
          take: count,
        }),
      ),
    async endpoints(accounts) {
      const rows = await database.minerRecord.findMany({ where: { account: { in: [...accounts] } } });
      return new Map(rows.map(({ account, endpoint }) => [account as AccountId, endpoint]));
    },
    async reportsOf(account) {
      const at = { miner: account, state: "placed", deal: { state: "placing" } } as const;
      const [row, unreported] = await Promise.all([
        database.minerRecord.findUnique({ where: { account } }),
        database.dealColumn.count({ where: at }),
      ]);
      if (row === null) return null;
      const { evidence, reporting } = experienceOf(row);
      return { unreported, reporting, evidence };
    },

    async judge(account, observation, tx) {
      return tx === undefined ? database.$transaction((fresh) => judgeIn(fresh)) : judgeIn(tx);

      async function judgeIn(within: Transaction): Promise<Experience | null> {
        await within.$queryRawUnsafe("SELECT 1 FROM scheduling.miner WHERE account = $1 FOR UPDATE", account);
        const row = await within.minerRecord.findUnique({ where: { account } });
        if (row === null) return null;
        const now = clock();
        const isBad = failureCodeOf(observation) !== null;
        const before = experienceOf(row);
        const after = judge(
          before,
          observation,
          {
            now,
            random: parts.random,
            isOursTheFault: isBad && isOursTheFault(await readWeather(within, windowStart(now)), policy),
            isPoolCrowded: observation.kind === "failed" && (await isCrowded(within, policy, now)),
          },
          policy,
        );
        await within.minerRecord.update({ where: { account }, data: dataOf(before, after, observation, now) });
        return after;
      }
    },

    async dueProbes(limit) {
      const rows = await database.minerRecord.findMany({
        where: {
          chainState: "positive",
          cooldownUntil: { lte: new Date(clock()) },
          isHalfOpen: false,
          quarantinedReason: null,
        },
        select: { account: true, endpoint: true },
        take: limit,
      });
      return rows.map(({ account, endpoint }) => ({ account: account as AccountId, endpoint }));
    },
    async markProbed(account) {
      await database.minerRecord.updateMany({ where: { account }, data: { isHalfOpen: true } });
    },
    async claimProbes(accounts, tx) {
      const rows = await tx.$queryRawUnsafe<{ account: AccountId }[]>(probesQuery, accounts, new Date(clock()));
      // A statement of its own, after the locks: it sees what those who had them before have committed.
      const { inflight, unreported } = await readLoads(tx);
      const ours = rows.filter((row) => !inflight.has(row.account) && !unreported.has(row.account));
      return new Set(ours.map((row) => row.account));
    },
    async find(account) {
      const row = await database.minerRecord.findUnique({ where: { account } });
      return row === null ? null : ((await withLoads([row]))[0] ?? null);
    },
    ...pastOf(database),
    async quarantine(account, reason, tx) {
      const { count } = await tx.minerRecord.updateMany({ where: { account }, data: { quarantinedReason: reason } });
      return count > 0;
    },
    async release(account, tx) {
      const data = { quarantinedReason: null, cooldownUntil: new Date(clock()), consecutiveFailures: 0 };
      const { count } = await tx.minerRecord.updateMany({ where: { account }, data: { ...data, isHalfOpen: false } });
      return count > 0;
    },
  };
}

/** A row that somebody has locked is that of a miner who is given its column, or judged, right now: it is left to them. */
const probesQuery = `
  SELECT account FROM scheduling.miner
  WHERE account = ANY($1::text[]) AND cooldown_until <= $2::timestamp AND quarantined_reason IS NULL
  FOR UPDATE SKIP LOCKED`;

/** What the attempts with a miner tell. */
function pastOf(database: Database): Pick<MinerPool, "history" | "outcomes"> {
  return {
    async history(account, count) {
      const rows = await database.placementAttempt.findMany({
        where: { miner: account },
        orderBy: { startedAt: "desc" },
        take: count,
      });
      const where = { uploadId: { in: rows.map(({ uploadId }) => uploadId) } };
      const deals = await database.deal.findMany({ where, select: { uploadId: true, fid: true } });
      const fidOf = new Map(deals.map(({ uploadId, fid }) => [uploadId, fid]));
      return rows.flatMap(({ uploadId, index, startedAt, endedAt, outcome, reason }): PastAttempt[] => {
        const fid = fidOf.get(uploadId);
        if (fid === undefined) return [];
        const times = { startedAt: startedAt.getTime(), endedAt: endedAt?.getTime() ?? null };
        const names = { uploadId: uploadId as UploadId, fid: fid as Fid, index, miner: account };
        return [{ ...names, ...times, outcome, reason: reason as PastAttempt["reason"] }];
      });
    },
    async outcomes(account) {
      const where = { miner: account, outcome: { not: null } };
      const rows = await database.placementAttempt.groupBy({ by: ["outcome"], where, _count: true });
      return Object.fromEntries(rows.map(({ outcome, _count }) => [outcome ?? "", _count]));
    },
  };
}

async function isCrowded(tx: Transaction, policy: MinerPolicy, now: number): Promise<boolean> {
  const [total, resting] = await Promise.all([
    tx.minerRecord.count({ where: { chainState: "positive" } }),
    tx.minerRecord.count({ where: { chainState: "positive", cooldownUntil: { gt: new Date(now) } } }),
  ]);
  return isPoolCrowded({ total, resting }, policy);
}

function experienceOf(row: MinerRecordModel): Experience {
  const evidence = { kept: row.alpha, broken: row.beta, at: row.evidenceAt.getTime() };
  const speed =
    row.secondsPerFragment === null
      ? null
      : { secondsPerFragment: row.secondsPerFragment, at: (row.lastSuccessAt ?? row.evidenceAt).getTime() };
  return {
    ...noExperience(evidence.at),
    evidence,
    speed,
    cooldown: {
      failuresInRow: row.consecutiveFailures,
      exponent: row.cooldownExponent,
      until: row.cooldownUntil?.getTime() ?? null,
    },
    reporting: reportingOf(row),
    quarantine: row.quarantinedReason,
  };
}

function reportingOf({ secondsPerReport, peakLagMs, reportedAt }: MinerRecordModel): Experience["reporting"] {
  if (secondsPerReport === null || peakLagMs === null || reportedAt === null) return null;
  return { secondsPerReport, peakLagMs, at: reportedAt.getTime() };
}

function dataOf(before: Experience, after: Experience, observation: Observation, now: number) {
  const { evidence, speed, cooldown, reporting, quarantine } = after;
  const failure = failureCodeOf(observation);
  return {
    alpha: evidence.kept,
    beta: evidence.broken,
    evidenceAt: new Date(evidence.at),
    secondsPerFragment: speed?.secondsPerFragment ?? null,
    consecutiveFailures: cooldown.failuresInRow,
    cooldownExponent: cooldown.exponent,
    cooldownUntil: cooldown.until === null ? null : new Date(cooldown.until),
    quarantinedReason: quarantine,
    ...(reporting === null
      ? {}
      : {
          secondsPerReport: reporting.secondsPerReport,
          peakLagMs: reporting.peakLagMs,
          reportedAt: new Date(reporting.at),
        }),
    ...(cooldown.until === before.cooldown.until ? {} : { isHalfOpen: false }),
    ...(failure === null ? {} : { lastFailureCode: failure, lastFailureAt: new Date(now) }),
    ...(observation.kind === "transferred" ? { lastSuccessAt: new Date(now) } : {}),
  };
}

function failureCodeOf(observation: Observation): string | null {
  switch (observation.kind) {
    case "failed":
    case "probe-failed":
      return isMinersFault(observation.code) ? observation.code : null;
    case "report-missed":
      return "REPORT_MISSED";
    case "corrupt":
      return "FRAGMENT_CORRUPT";
    default:
      return null;
  }
}

function recordOf(row: MinerRecordModel, places: MinerPlaces): MinerRecord {
  const { lastFailureCode: code, lastFailureAt: at } = row;
  const host = hostOf(row.endpoint);
  const place = places.of(row.account, host);
  return {
    ...experienceOf(row),
    account: row.account as AccountId,
    chainState: row.chainState,
    endpoint: row.endpoint,
    idleBytes: Number(row.idleBytes),
    hasEndpoint: host !== null,
    groups: { ...groupsOfEndpoint(row.endpoint), ...place.groups },
    position: place.position,
    inflight: 0,
    unreported: 0,
    lastFailure: code === null || at === null ? null : { code, at: at.getTime() },
    lastSuccessAt: row.lastSuccessAt?.getTime() ?? null,
  };
}

function hostOf(endpoint: string): string | null {
  try {
    return parseEndpoint(endpoint).hostname;
  } catch {
    return null;
  }
}

/** Miners that attempts of any replica ended with lately, and those whose last one the miner failed. */
async function readWeather(tx: Transaction, since: Date): Promise<Weather> {
  const rows = await tx.$queryRawUnsafe<{ outcome: string | null; miners: number }[]>(weatherQuery, since);
  const failing = rows.filter(({ outcome }) => isFailureOfMiner(outcome ?? ""));
  const count = (some: typeof rows) => some.reduce((sum, { miners }) => sum + miners, 0);
  return { minersSeen: count(rows), minersFailing: count(failing) };
}

const isFailureOfMiner = (outcome: string): boolean => outcome.startsWith("MINER_") && isMinersFault(outcome);

const weatherQuery = `
  SELECT outcome, count(*)::int AS miners FROM (
    SELECT DISTINCT ON (miner) outcome FROM scheduling.placement_attempt
    WHERE ended_at > $1 ORDER BY miner, ended_at DESC
  ) AS newest GROUP BY outcome`;
