import {
  type GroupKeys,
  groupKeysOf,
  type Limits,
  levelsOf,
  spreadConstraints,
  spreadOver,
} from "@granary/domain/miner";
import type { SimulatedMiner } from "./miner.js";
import type { Assignment } from "./policy/policy.js";
import { gini, type Quantiles, quantilesOf } from "./statistics.js";
import type { Trace } from "./trace.js";

/** What gateways tell of what they do. */
export interface Measures {
  opened(file: number, now: number, isMeasured: boolean): void;
  placed(file: number, now: number): void;
  active(file: number, now: number): void;
  picked(now: number, file: number, index: number, miner: number): void;
  arrived(miner: number): void;
  reported(now: number, file: number, miner: number): void;
  missed(miner: number, now: number): void;
  attemptEnded(outcome: string, miner: number): void;
  wasted(share: number): void;
  chosen(holders: readonly number[], assignments: readonly Assignment[]): void;
  /** Runs a choice, and notes how long it took. */
  decide<T>(columns: number, choose: () => T): T;
  outcome(end: number): Outcome;
}

export interface Outcome {
  readonly files: number;
  readonly unfinished: number;
  readonly placed: Quantiles;
  readonly active: Quantiles;
  readonly gini: number;
  readonly hedgeWaste: number;
  /** Columns declared lost although their miner was honest and there, per column. */
  readonly falseRedispatch: number;
  /** Attempts that failed, of all. */
  readonly failures: number;
  readonly diversityViolations: number;
  readonly relaxations: number;
  /** Share of the columns that went to the miners this population is about. */
  readonly subjectShare: number;
  readonly picksPerMinute: { readonly subject: readonly number[]; readonly all: readonly number[] };
  /** Of choosing twelve at once, for policies that do. */
  readonly decisionMicros: Pick<Quantiles, "p50" | "p99">;
}

/** Not the miner's failure, and none of the gateway's waste either. */
const harmless = new Set(["OVERTAKEN", "HEDGE_LOST"]);

export function createMeasures(miners: readonly SimulatedMiner[], trace: Trace, clock: () => number): Measures {
  const openedAt = new Map<number, number>();
  const seconds = { placed: [] as number[], active: [] as number[] };
  const columnsOf = new Float64Array(miners.length);
  const keys: readonly GroupKeys[] = miners.map(({ spec }) => groupKeysOf(spec.groups));
  const strict = levelsOf(spreadConstraints, false)[0]?.limits as Limits;
  const counts = {
    placed: 0,
    falseMissed: 0,
    failed: 0,
    attempts: 0,
    waste: 0,
    violations: 0,
    relaxations: 0,
    files: 0,
  };
  const waiting = new Set<number>();
  const picks = { subject: [] as number[], all: [] as number[] };
  const decisions: number[] = [];
  const keyAt = (miner: number) => keys[miner] as GroupKeys;
  const count = (line: number[], minute: number) => {
    while (line.length <= minute) line.push(0);
    line[minute] = (line[minute] as number) + 1;
  };

  return {
    opened(file, now, isMeasured) {
      if (!isMeasured) return;
      counts.files += 1;
      openedAt.set(file, now);
      waiting.add(file);
    },
    placed(file, now) {
      trace.note(1, file, Math.round(now * 1000));
      const since = openedAt.get(file);
      if (since !== undefined) seconds.placed.push((now - since) / 1000);
    },
    active(file, now) {
      trace.note(2, file, Math.round(now * 1000));
      const since = openedAt.get(file);
      if (since !== undefined) seconds.active.push((now - since) / 1000);
      openedAt.delete(file);
      waiting.delete(file);
    },
    picked(now, file, index, miner) {
      trace.note(3, file, index, miner, Math.round(now * 1000));
      counts.attempts += 1;
      const minute = Math.floor(now / 60_000);
      count(picks.all, minute);
      if (miners[miner]?.spec.isSubject === true) count(picks.subject, minute);
    },
    arrived(miner) {
      counts.placed += 1;
      columnsOf[miner] = (columnsOf[miner] as number) + 1;
    },
    reported: (now, file, miner) => trace.note(4, file, miner, Math.round(now * 1000)),
    missed(id, now) {
      trace.note(5, id, Math.round(now * 1000));
      const miner = miners[id] as SimulatedMiner;
      if (!miner.spec.isLiar && !miner.isLying && miner.isOnline) counts.falseMissed += 1;
    },
    attemptEnded(outcome) {
      if (!harmless.has(outcome)) counts.failed += 1;
    },
    wasted(share) {
      counts.waste += share;
    },
    chosen(holders, assignments) {
      const spread = spreadOver(holders.map(keyAt));
      for (const { miner, relaxations } of assignments) {
        counts.relaxations += relaxations.length;
        const beyond = spread.beyond(keyAt(miner), strict);
        counts.violations += beyond.filter((dimension) => !relaxations.includes(dimension)).length;
        spread.add(keyAt(miner));
      }
    },
    decide(columns, choose) {
      const before = clock();
      const chosen = choose();
      if (columns === 12) decisions.push((clock() - before) * 1000);
      return chosen;
    },
    outcome(end) {
      const late = [...waiting].map((file) => (end - (openedAt.get(file) as number)) / 1000);
      const unplaced = counts.files - seconds.placed.length;
      const good = miners.filter(({ spec }) => spec.isGood);
      const subjects = picks.subject.reduce((sum, one) => sum + one, 0);
      const all = picks.all.reduce((sum, one) => sum + one, 0);
      return {
        files: counts.files,
        unfinished: late.length,
        placed: quantilesOf([...seconds.placed, ...late.slice(0, Math.max(0, unplaced))]),
        active: quantilesOf([...seconds.active, ...late]),
        gini: gini(good.map(({ id, spec }) => (columnsOf[id] as number) / spec.bytesPerSecond)),
        hedgeWaste: counts.waste / Math.max(1, counts.placed),
        falseRedispatch: counts.falseMissed / Math.max(1, counts.placed),
        failures: counts.failed / Math.max(1, counts.attempts),
        diversityViolations: counts.violations,
        relaxations: counts.relaxations,
        subjectShare: subjects / Math.max(1, all),
        picksPerMinute: picks,
        decisionMicros: quantilesOf(decisions),
      };
    },
  };
}
