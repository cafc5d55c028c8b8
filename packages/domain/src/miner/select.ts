import type { AccountId } from "@granary/primitives";
import { isInside, type Position } from "./area.js";
import { choose, type Field, type Reason, weightOfSpace } from "./choose.js";
import { type Constraint, type GroupKeys, type Groups, groupKeysOf } from "./diversity.js";
import type { Instant, Random } from "./instant.js";
import type { Experience } from "./judge.js";
import { defaultPolicy, type MinerPolicy } from "./policy.js";
import { type Need, noRefusals, type Refusal, refusalOf } from "./refusal.js";
import type { Load } from "./score.js";
import { createWeightTree } from "./weight-tree.js";

/** A miner as the choice sees it. */
export interface Candidate extends Experience, Load {
  readonly account: AccountId;
  /** As the chain has it; only "positive" miners may take columns. */
  readonly chainState: string;
  readonly idleBytes: number;
  /** Whether its endpoint can be dialed at all. */
  readonly hasEndpoint: boolean;
  readonly groups: Groups;
  readonly position: Position | null;
}

/** What the uploader wishes. Wishes bend the choice; they never set aside dispersion. */
export interface Wishes {
  readonly prefer?: readonly AccountId[] | undefined;
  readonly only?: readonly AccountId[] | undefined;
  readonly avoid?: readonly AccountId[] | undefined;
  /** Corners of a polygon. */
  readonly area?: readonly Position[] | undefined;
}

export interface Selection {
  readonly miners: readonly Candidate[];
  readonly need: Need;
  /** Miners that hold, or may still hold, a column of the file. */
  readonly exclude: ReadonlySet<AccountId>;
  /** Groups of the miners that hold the file's other columns. */
  readonly holders: readonly Groups[];
  readonly constraints: readonly Constraint[];
  readonly wishes: Wishes;
  readonly now: Instant;
  readonly random: Random;
  readonly policy?: MinerPolicy;
}

export interface Choice {
  readonly miner: Candidate;
  readonly reason: Reason;
  /** What had to be given up for this choice. */
  readonly relaxations: readonly string[];
}

export interface SelectionResult {
  readonly chosen: readonly Choice[];
  /** Why the others could not be drawn. */
  readonly refused: Readonly<Record<Refusal, number>>;
  /** Columns for which no miner was found. */
  readonly shortfall: number;
  /** The earliest moment at which a resting miner may be asked again; null when none rests. */
  readonly retryAt: Instant | null;
}

/**
 * Chooses a miner for each column out of a list, or says for how many there is none. Where the list is long and changes
 * little between choices, a roster does the same without going through all of it.
 */
export function select(selection: Selection): SelectionResult {
  const policy = selection.policy ?? defaultPolicy;
  const { eligible, refused, retryAt } = sift(selection, policy);
  const { wishes } = selection;
  const preferred = new Set(wishes.prefer ?? []);
  const picks = choose(
    fieldOf(eligible, wishes.area ?? []),
    {
      ...selection,
      holders: selection.holders.map(groupKeysOf),
      preferred: eligible.flatMap(({ account }, index) => (preferred.has(account) ? [index] : [])),
      hasArea: wishes.area !== undefined,
    },
    policy,
  );
  const chosen = picks.map(({ index, reason, relaxations }) => ({
    miner: eligible[index] as Candidate,
    reason,
    relaxations,
  }));
  return { chosen, refused, shortfall: selection.need.columns - chosen.length, retryAt };
}

function sift(selection: Selection, policy: MinerPolicy) {
  const refused = noRefusals();
  const eligible: Candidate[] = [];
  let retryAt: Instant | null = null;
  const only = selection.wishes.only === undefined ? null : new Set(selection.wishes.only);
  const avoid = new Set(selection.wishes.avoid ?? []);
  for (const miner of selection.miners) {
    const isUnwanted = avoid.has(miner.account) || (only !== null && !only.has(miner.account));
    const refusal = refusalOf(miner, selection, isUnwanted, policy);
    if (refusal === null) eligible.push(miner);
    else refused[refusal] += 1;
    if (refusal === "cooldown") retryAt = Math.min(retryAt ?? Number.POSITIVE_INFINITY, miner.cooldown.until as number);
  }
  return { eligible, refused, retryAt };
}

function fieldOf(eligible: readonly Candidate[], area: readonly Position[]): Field {
  const at = (index: number): Candidate => eligible[index] as Candidate;
  const keys: (GroupKeys | undefined)[] = new Array(eligible.length);
  return {
    tree: createWeightTree(eligible.map(({ idleBytes }) => weightOfSpace(idleBytes))),
    size: eligible.length,
    eligible: eligible.length,
    isRefused: () => false,
    groupsAt(index) {
      keys[index] ??= groupKeysOf(at(index).groups);
      return keys[index];
    },
    isInArea(index) {
      const { position } = at(index);
      return position !== null && isInside(position, area);
    },
    stateAt: at,
  };
}
