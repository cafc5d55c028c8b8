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
} from "@granary/domain/miner";
import { parseEndpoint } from "@granary/miner-client";
import type { AccountId } from "@granary/primitives";
import type { Clock, MinerPool, MinerRecord } from "../ports.js";

const NOT_ON_CHAIN = "not on chain";

export function createPrismaMinerPool(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly policy: MinerPolicy;
}): MinerPool {
  const { database, clock, policy } = parts;
  const weather = createWeatherWatch(policy.guardWindowMs, clock);

  async function recordsOf(rows: readonly MinerRecordModel[]): Promise<MinerRecord[]> {
    const loads = await database.dealColumn.groupBy({
      by: ["miner", "state"],
      where: { state: { in: ["sending", "placed"] }, deal: { state: "placing" } },
      _count: true,
    });
    const countOf = new Map(loads.map(({ miner, state, _count }) => [`${state} ${miner}`, _count]));
    return rows.map((row) =>
      recordOf(row, countOf.get(`sending ${row.account}`) ?? 0, countOf.get(`placed ${row.account}`) ?? 0),
    );
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
    candidates: async () => recordsOf(await database.minerRecord.findMany()),
    list: async (after, count) =>
      recordsOf(
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
    unreported: (account) =>
      database.dealColumn.count({ where: { miner: account, state: "placed", deal: { state: "placing" } } }),

    async judge(account, observation, tx) {
      weather.saw(account, observation);
      return tx === undefined ? database.$transaction((fresh) => judgeIn(fresh)) : judgeIn(tx);

      async function judgeIn(within: Transaction): Promise<Experience | null> {
        await within.$queryRawUnsafe("SELECT 1 FROM scheduling.miner WHERE account = $1 FOR UPDATE", account);
        const row = await within.minerRecord.findUnique({ where: { account } });
        if (row === null) return null;
        const now = clock();
        const before = experienceOf(row);
        const after = judge(
          before,
          observation,
          {
            now,
            random: parts.random,
            isOursTheFault: isOursTheFault(weather.now(), policy),
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
    quarantine: row.quarantinedReason,
  };
}

function dataOf(before: Experience, after: Experience, observation: Observation, now: number) {
  const { evidence, speed, cooldown, quarantine } = after;
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

function recordOf(row: MinerRecordModel, inflight: number, unreported: number): MinerRecord {
  const { lastFailureCode: code, lastFailureAt: at } = row;
  return {
    ...experienceOf(row),
    account: row.account as AccountId,
    chainState: row.chainState,
    endpoint: row.endpoint,
    idleBytes: Number(row.idleBytes),
    hasEndpoint: isEndpoint(row.endpoint),
    groups: groupsOfEndpoint(row.endpoint),
    position: null,
    inflight,
    unreported,
    lastFailure: code === null || at === null ? null : { code, at: at.getTime() },
    lastSuccessAt: row.lastSuccessAt?.getTime() ?? null,
  };
}

function isEndpoint(text: string): boolean {
  try {
    parseEndpoint(text);
    return true;
  } catch {
    return false;
  }
}

/** Who was dealt with lately by this process, and how it went the last time. */
function createWeatherWatch(windowMs: number, clock: Clock) {
  const last = new Map<AccountId, { at: number; isFailure: boolean }>();
  return {
    saw(account: AccountId, observation: Observation): void {
      const isFailure = observation.kind === "failed" && isMinersFault(observation.code);
      if (!isFailure && observation.kind !== "transferred") return;
      last.delete(account);
      last.set(account, { at: clock(), isFailure });
    },
    now() {
      // In order of time: the oldest come first.
      for (const [account, { at }] of last) {
        if (at > clock() - windowMs) break;
        last.delete(account);
      }
      const seen = [...last.values()];
      return { minersSeen: seen.length, minersFailing: seen.filter(({ isFailure }) => isFailure).length };
    },
  };
}
