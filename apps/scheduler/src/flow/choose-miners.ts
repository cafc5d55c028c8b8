import type { Column } from "@granary/domain/deal";
import { holdersOf } from "@granary/domain/deal";
import {
  type Constraint,
  composeStrategies,
  isMinersFault,
  type MinerPolicy,
  type Random,
  type Reason,
  type RosterChoice,
  type RosterResult,
  type Strategy,
  type Wishes,
  wishesAbout,
} from "@granary/domain/miner";
import type { AccountId } from "@granary/primitives";
import type { Attempt, DealRecord, MinerView } from "../ports.js";

export interface ChooseRules {
  readonly constraints: readonly Constraint[];
  readonly policy: MinerPolicy;
  /** What this gateway's operator wishes of every placement. */
  readonly strategy: Strategy;
}

export interface Situation {
  readonly record: DealRecord;
  readonly due: readonly Column[];
  readonly attempts: readonly Attempt[];
  readonly miners: MinerView;
  /** A holder that keeps its column only if whoever is chosen does not get it: not counted for the spread. */
  readonly rivalOf?: AccountId;
  /** Miners that may have had one column for their probe, and that another deal has given it to by now. */
  readonly probed?: ReadonlySet<AccountId>;
  readonly now: number;
  readonly random: Random;
}

export interface Assignment {
  readonly index: number;
  readonly miner: AccountId;
  readonly endpoint: string;
  readonly expectedSeconds: number;
  readonly reason: Reason;
  readonly relaxations: readonly string[];
}

export interface Assignments {
  readonly chosen: readonly Assignment[];
  /** Columns for which there is no miner now, and when there may be one. */
  readonly left: readonly number[];
  readonly retryAt: number | null;
  readonly refused: Readonly<Record<string, number>>;
}

/** For this long a miner that failed with a file is asked for the same file only when there is nobody else. */
const GRUDGE_MS = 600_000;

/**
 * A miner for each column that waits. Holders of another column of the file are out of the question; miners that failed
 * with this file come second; miners that lost a column of it without fault come first, since they may have it still.
 */
export function chooseMiners(rules: ChooseRules, situation: Situation): Assignments {
  const { record, due, attempts, miners } = situation;
  const grudges = new Set(attempts.filter((one) => isGrudge(one, situation.now)).map(({ miner }) => miner));
  const strategy = composeStrategies(rules.strategy, strategyOf(record.placement));
  const asking = openAsking(rules, situation, wishesAbout(strategy, miners.places()));
  const overtaken = attempts.filter(({ outcome }) => outcome === "OVERTAKEN").map(({ miner }) => miner);
  const preferred = new Set(strategy.prefer);
  const byPreference = Math.max(0, strategy.first - [...asking.taken].filter((one) => preferred.has(one)).length);
  asking.ask(Math.min(byPreference, due.length), [...overtaken, ...strategy.prefer], grudges);
  asking.ask(due.length, overtaken, grudges);
  if (grudges.size > 0) asking.ask(due.length, [], nobody);
  const { chosen, left } = deal(due, asking.choices, situation);
  return { chosen, left, retryAt: asking.last?.retryAt ?? null, refused: asking.last?.refused ?? {} };
}

const nobody: ReadonlySet<AccountId> = new Set();

/** Choices one after another, each for what those before have left open. */
function openAsking(rules: ChooseRules, situation: Situation, wishes: Wishes) {
  const { record, miners, rivalOf, probed = nobody, now, random } = situation;
  const { constraints, policy } = rules;
  const taken = new Set(holdersOf(record.deal));
  const choices: RosterChoice[] = [];
  const asking = {
    taken,
    choices,
    last: null as RosterResult | null,
    /** Until there are `columns` choices in all. */
    ask(columns: number, prefer: readonly AccountId[], grudges: ReadonlySet<AccountId>): void {
      const missing = columns - choices.length;
      if (missing <= 0) return;
      const need = { columns: missing, fragmentsPerColumn: record.segmentCount };
      const exclude = new Set([...taken, ...grudges, ...probed]);
      const order = {
        need,
        exclude,
        holders: [...taken].filter((one) => one !== rivalOf),
        constraints,
        policy,
        now,
        random,
      };
      asking.last = miners.choose({ ...order, wishes: { ...wishes, prefer } });
      for (const choice of asking.last.chosen) {
        choices.push(choice);
        taken.add(choice.account);
      }
    },
  };
  return asking;
}

const strategyOf = (placement: DealRecord["placement"]): Strategy =>
  placement === null
    ? {}
    : { ...placement, area: placement.area?.map(([longitude, latitude]) => ({ longitude, latitude })) };

const isGrudge = ({ outcome, endedAt }: Attempt, now: number): boolean =>
  outcome === "REPORT_MISSED" ||
  (outcome?.startsWith("MINER_") === true && isMinersFault(outcome) && endedAt !== null && now - endedAt < GRUDGE_MS);

/** Who was given a column of this file before gets the same one again: it may hold it already. */
function deal(
  due: readonly Column[],
  choices: readonly RosterChoice[],
  { attempts, miners }: Situation,
): { chosen: Assignment[]; left: number[] } {
  const left = new Set(due.map(({ index }) => index));
  const earlierOf = (account: AccountId) =>
    attempts.find(({ miner, index, outcome }) => miner === account && left.has(index) && outcome === "REPORT_MISSED");
  const chosen: Assignment[] = [];
  const give = ({ account, reason, relaxations }: RosterChoice, index: number | undefined) => {
    if (index === undefined) return;
    left.delete(index);
    const endpoint = miners.endpointOf(account) ?? "";
    chosen.push({ index, miner: account, endpoint, expectedSeconds: reason.transferSeconds, reason, relaxations });
  };
  const others: RosterChoice[] = [];
  for (const choice of choices) {
    const earlier = earlierOf(choice.account);
    if (earlier === undefined) others.push(choice);
    else give(choice, earlier.index);
  }
  for (const choice of others) give(choice, left.values().next().value);
  return { chosen, left: [...left] };
}
