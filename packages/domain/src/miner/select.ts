import { type AccountId, FRAGMENT_BYTES } from "@granary/primitives";
import { isInside, type Position } from "./area.js";
import { phaseOf } from "./cooldown.js";
import { type Constraint, type Groups, type Level, levelsOf, type Spread, spreadOver } from "./diversity.js";
import type { Instant, Random } from "./instant.js";
import type { Experience } from "./judge.js";
import { defaultPolicy, type MinerPolicy } from "./policy.js";
import { decayed } from "./reputation.js";
import { type Load, type Score, scoreOf } from "./score.js";
import { createWeightTree, type WeightTree } from "./weight-tree.js";

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

export const refusals = [
  "chain-state",
  "no-endpoint",
  "excluded",
  "unwanted",
  "quarantine",
  "cooldown",
  "probe-under-way",
  "busy",
  "space",
] as const;
export type Refusal = (typeof refusals)[number];

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
  readonly need: { readonly columns: number; readonly fragmentsPerColumn: number };
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
  readonly reason: Score & {
    /** How many were compared, and how many could have been drawn. */
    readonly compared: number;
    readonly eligible: number;
    readonly isPreferred: boolean;
    readonly isExploration: boolean;
  };
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
 * Chooses a miner for each column, or says for how many there is none.
 *
 * Laws: no miner twice, none that is excluded, none that rests; candidates are drawn in proportion to their free space;
 * a constraint is relaxed only where the level above it has no miner left, and what was relaxed is recorded.
 */
export function select(selection: Selection): SelectionResult {
  const policy = selection.policy ?? defaultPolicy;
  const { eligible, refused, retryAt } = sift(selection, policy);
  const pool = openPool(eligible, selection, policy);
  const chosen: Choice[] = [];
  while (chosen.length < selection.need.columns) {
    const choice = chooseOne(pool);
    if (choice === null) break;
    chosen.push(choice);
  }
  return { chosen, refused, shortfall: selection.need.columns - chosen.length, retryAt };
}

function sift(selection: Selection, policy: MinerPolicy) {
  const refused = Object.fromEntries(refusals.map((reason) => [reason, 0])) as Record<Refusal, number>;
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

/** Why a miner may take no column of this file now; null when it may. */
export function refusalOf(
  miner: Candidate,
  selection: Pick<Selection, "exclude" | "need" | "now">,
  isUnwanted: boolean,
  policy: MinerPolicy,
): Refusal | null {
  if (miner.chainState !== "positive") return "chain-state";
  if (!miner.hasEndpoint) return "no-endpoint";
  if (selection.exclude.has(miner.account)) return "excluded";
  if (isUnwanted) return "unwanted";
  if (miner.quarantine !== null) return "quarantine";
  const phase = phaseOf(miner.cooldown, selection.now);
  if (phase === "open") return "cooldown";
  if (phase === "half-open" && miner.inflight + miner.unreported > 0) return "probe-under-way";
  if (miner.inflight >= policy.inflightMax) return "busy";
  const neededBytes = selection.need.fragmentsPerColumn * FRAGMENT_BYTES * policy.spaceMargin;
  if (miner.idleBytes < neededBytes) return "space";
  return null;
}

interface Pool {
  readonly eligible: readonly Candidate[];
  readonly tree: WeightTree;
  readonly preferred: ReadonlySet<AccountId>;
  readonly levels: readonly Level[];
  readonly spread: Spread;
  readonly selection: Selection;
  readonly policy: MinerPolicy;
}

function openPool(eligible: readonly Candidate[], selection: Selection, policy: MinerPolicy): Pool {
  return {
    eligible,
    tree: createWeightTree(eligible.map((miner) => miner.idleBytes)),
    preferred: new Set(selection.wishes.prefer ?? []),
    levels: levelsOf(selection.constraints, selection.wishes.area !== undefined),
    spread: spreadOver(selection.holders),
    selection,
    policy,
  };
}

function chooseOne(pool: Pool): Choice | null {
  const isExploration = pool.selection.random() < pool.policy.explorationShare;
  for (const level of pool.levels) {
    const drawn = drawPreferred(pool, level) ?? draw(pool, level, isExploration);
    const best = cheapest(pool, drawn);
    if (best === null) continue;
    const miner = pool.eligible[best.index] as Candidate;
    const relaxations = relaxationsOf(pool, miner);
    pool.tree.set(best.index, 0);
    pool.spread.add(miner.groups);
    return {
      miner,
      relaxations,
      reason: {
        ...best.score,
        compared: drawn.length,
        eligible: pool.eligible.length,
        isPreferred: pool.preferred.has(miner.account),
        isExploration: isExploration && isLittleKnown(pool, miner),
      },
    };
  }
  return null;
}

const isLeft = (pool: Pool, index: number): boolean => pool.tree.weight(index) > 0;

function fits(pool: Pool, index: number, level: Level): boolean {
  const miner = pool.eligible[index] as Candidate;
  if (level.hasArea && !isInArea(pool, miner)) return false;
  return pool.spread.beyond(miner.groups, level.limits).length === 0;
}

const isInArea = (pool: Pool, miner: Candidate): boolean =>
  miner.position !== null && isInside(miner.position, pool.selection.wishes.area ?? []);

function isLittleKnown(pool: Pool, miner: Candidate): boolean {
  const { kept, broken } = decayed(miner.evidence, pool.selection.now, pool.policy);
  return kept + broken < pool.policy.knownEvidence;
}

/** All wished-for miners that fit; null when there are none, which is no reason to relax anything. */
function drawPreferred(pool: Pool, level: Level): number[] | null {
  if (pool.preferred.size === 0) return null;
  const drawn: number[] = [];
  pool.eligible.forEach((miner, index) => {
    if (pool.preferred.has(miner.account) && isLeft(pool, index) && fits(pool, index, level)) drawn.push(index);
  });
  return drawn.length === 0 ? null : drawn;
}

/** Up to `candidates` miners that fit, each drawn with a probability in proportion to its free space. */
function draw(pool: Pool, level: Level, isExploration: boolean): number[] {
  const drawn: number[] = [];
  const putAside: { index: number; weight: number }[] = [];
  let fallback: number | null = null;
  for (let i = 0; i < pool.policy.drawsMax && drawn.length < pool.policy.candidates; i += 1) {
    const index = pool.tree.at(pool.selection.random());
    if (index === null) break;
    putAside.push({ index, weight: pool.tree.weight(index) });
    pool.tree.set(index, 0);
    if (!fits(pool, index, level)) continue;
    if (isExploration && !isLittleKnown(pool, pool.eligible[index] as Candidate)) fallback ??= index;
    else drawn.push(index);
  }
  for (const { index, weight } of putAside) pool.tree.set(index, weight);
  if (drawn.length === 0 && fallback !== null) drawn.push(fallback);
  return drawn;
}

function cheapest(pool: Pool, drawn: readonly number[]): { index: number; score: Score } | null {
  let best: { index: number; score: Score } | null = null;
  for (const index of drawn) {
    const miner = pool.eligible[index] as Candidate;
    const score = scoreOf(miner, pool.selection.need.fragmentsPerColumn, pool.selection, pool.policy);
    if (best === null || score.cost < best.score.cost) best = { index, score };
  }
  return best;
}

/** In which ways the choice is worse than the strictest level would have it. */
function relaxationsOf(pool: Pool, miner: Candidate): readonly string[] {
  const strict = pool.levels[0] as Level;
  const beyond: string[] = [...pool.spread.beyond(miner.groups, strict.limits)];
  return strict.hasArea && !isInArea(pool, miner) ? ["area", ...beyond] : beyond;
}
