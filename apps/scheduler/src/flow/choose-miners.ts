import type { Column } from "@granary/domain/deal";
import { holdersOf } from "@granary/domain/deal";
import {
  type Choice,
  type Constraint,
  isMinersFault,
  type MinerPolicy,
  type Random,
  type Selection,
  select,
  type Wishes,
} from "@granary/domain/miner";
import type { AccountId } from "@granary/primitives";
import type { Attempt, DealRecord, MinerRecord } from "../ports.js";

export interface ChooseRules {
  readonly constraints: readonly Constraint[];
  readonly policy: MinerPolicy;
}

export interface Assignment {
  readonly index: number;
  readonly miner: AccountId;
  readonly endpoint: string;
  readonly reason: object;
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
export function chooseMiners(
  rules: ChooseRules,
  situation: {
    readonly record: DealRecord;
    readonly due: readonly Column[];
    readonly attempts: readonly Attempt[];
    readonly miners: readonly MinerRecord[];
    readonly now: number;
    readonly random: Random;
  },
): Assignments {
  const { record, due, attempts, miners, now, random } = situation;
  const holders = new Set(holdersOf(record.deal));
  const grudges = new Set(attempts.filter((one) => isGrudge(one, now)).map(({ miner }) => miner));
  const overtaken = attempts.filter(({ outcome }) => outcome === "OVERTAKEN").map(({ miner }) => miner);
  const base = {
    miners,
    constraints: rules.constraints,
    policy: rules.policy,
    wishes: wishesOf(record, overtaken),
    now,
    random,
  };
  const groupsOf = (accounts: ReadonlySet<AccountId>) =>
    miners.filter(({ account }) => accounts.has(account)).map(({ groups }) => groups);
  const ask = (columns: number, exclude: ReadonlySet<AccountId>, held: ReadonlySet<AccountId>) => {
    const need = { columns, fragmentsPerColumn: record.segmentCount };
    return select({ ...base, need, exclude, holders: groupsOf(held) } satisfies Selection);
  };
  const first = ask(due.length, new Set([...holders, ...grudges]), holders);
  const taken = new Set([...holders, ...first.chosen.map(({ miner }) => miner.account)]);
  const second = first.shortfall > 0 && grudges.size > 0 ? ask(first.shortfall, taken, taken) : null;
  const choices = [...first.chosen, ...(second?.chosen ?? [])];
  const { chosen, left } = deal(due, choices, attempts, miners);
  const last = second ?? first;
  return { chosen, left, retryAt: last.retryAt, refused: last.refused };
}

const isGrudge = ({ outcome, endedAt }: Attempt, now: number): boolean =>
  outcome === "REPORT_MISSED" ||
  (outcome?.startsWith("MINER_") === true && isMinersFault(outcome) && endedAt !== null && now - endedAt < GRUDGE_MS);

function wishesOf({ placement }: DealRecord, overtaken: readonly AccountId[]): Wishes {
  const area = placement?.area?.map(([longitude, latitude]) => ({ longitude, latitude }));
  return { prefer: [...overtaken, ...(placement?.prefer ?? [])], area };
}

/** Who was given a column of this file before gets the same one again: it may hold it already. */
function deal(
  due: readonly Column[],
  choices: readonly Choice[],
  attempts: readonly Attempt[],
  miners: readonly MinerRecord[],
): { chosen: Assignment[]; left: number[] } {
  const left = new Set(due.map(({ index }) => index));
  const endpointOf = new Map(miners.map(({ account, endpoint }) => [account, endpoint]));
  const earlierOf = (account: AccountId) =>
    attempts.find(({ miner, index, outcome }) => miner === account && left.has(index) && outcome === "REPORT_MISSED");
  const chosen: Assignment[] = [];
  const give = (choice: Choice, index: number | undefined) => {
    if (index === undefined) return;
    left.delete(index);
    const { account } = choice.miner;
    const endpoint = endpointOf.get(account) ?? "";
    chosen.push({ index, miner: account, endpoint, reason: choice.reason, relaxations: choice.relaxations });
  };
  const others: Choice[] = [];
  for (const choice of choices) {
    const earlier = earlierOf(choice.miner.account);
    if (earlier === undefined) others.push(choice);
    else give(choice, earlier.index);
  }
  for (const choice of others) give(choice, left.values().next().value);
  return { chosen, left: [...left] };
}
