import { phaseOf } from "./cooldown.js";
import type { Constraint, GroupKeys, Level, Spread } from "./diversity.js";
import { levelsOf, spreadOver } from "./diversity.js";
import type { Instant, Random } from "./instant.js";
import type { Experience } from "./judge.js";
import type { MinerPolicy } from "./policy.js";
import type { Need } from "./refusal.js";
import { decayed } from "./reputation.js";
import { type Load, type Score, scoreOf } from "./score.js";
import type { WeightTree } from "./weight-tree.js";

/** The miners among whom is chosen, by their places in a tree of weights. */
export interface Field {
  readonly tree: WeightTree;
  readonly size: number;
  /** How many could be drawn. */
  readonly eligible: number;
  /** Whether a filter refuses it after all, now that it was drawn. It is noted by whoever answers. */
  isRefused(index: number): boolean;
  groupsAt(index: number): GroupKeys;
  isInArea(index: number): boolean;
  stateAt(index: number): Experience & Load;
}

export interface Order {
  readonly need: Need;
  readonly constraints: readonly Constraint[];
  readonly holders: readonly GroupKeys[];
  /** Places of the miners that are taken first where they fit. */
  readonly preferred: readonly number[];
  readonly hasArea: boolean;
  readonly now: Instant;
  readonly random: Random;
}

/** Why this one. */
export type Reason = Score & {
  /** How many were compared, and how many could have been drawn. */
  readonly compared: number;
  readonly eligible: number;
  readonly isPreferred: boolean;
  readonly isExploration: boolean;
  /** Its rest is over, and this is the one column that it may have until it has kept its word. */
  readonly isProbe: boolean;
  /** The cost of the second best of those compared; null when there was none. */
  readonly runnerUpCost: number | null;
};

export interface Pick {
  readonly index: number;
  readonly reason: Reason;
  /** What had to be given up for this choice. */
  readonly relaxations: readonly string[];
}

interface Choosing {
  readonly field: Field;
  readonly order: Order;
  readonly levels: readonly Level[];
  readonly spread: Spread;
  readonly policy: MinerPolicy;
  /** Taken out of the tree for good, for as long as this choice lasts: refused or chosen. */
  readonly out: { readonly index: number; readonly weight: number }[];
}

/**
 * A place for each column, or fewer where there are no more. The tree is as before when it returns.
 *
 * Laws: no place twice; candidates are drawn in proportion to their weights; a constraint is relaxed only where nobody
 * was found at the level above it, in `drawsMax` draws, and what was relaxed is recorded.
 */
export function choose(field: Field, order: Order, policy: MinerPolicy): readonly Pick[] {
  const levels = levelsOf(order.constraints, order.hasArea);
  const choosing: Choosing = { field, order, levels, spread: spreadOver(order.holders), policy, out: [] };
  const picks: Pick[] = [];
  while (picks.length < order.need.columns) {
    const pick = chooseOne(choosing);
    if (pick === null) break;
    picks.push(pick);
  }
  for (const { index, weight } of choosing.out) field.tree.set(index, weight);
  return picks;
}

function takeOut({ field, out }: Choosing, index: number): void {
  out.push({ index, weight: field.tree.weight(index) });
  field.tree.set(index, 0);
}

function chooseOne(choosing: Choosing): Pick | null {
  const { field, order, policy } = choosing;
  const isExploration = order.random() < policy.explorationShare;
  for (const level of choosing.levels) {
    const preferred = drawPreferred(choosing, level);
    const drawn = preferred.length > 0 ? preferred : draw(choosing, level, isExploration);
    const best = cheapest(choosing, drawn);
    if (best === null) continue;
    const { index, score, runnerUpCost } = best;
    const relaxations = relaxationsOf(choosing, index);
    const reason: Reason = {
      ...score,
      compared: drawn.length,
      eligible: field.eligible,
      isPreferred: order.preferred.includes(index),
      isExploration: isExploration && isLittleKnown(choosing, index),
      isProbe: phaseOf(field.stateAt(index).cooldown, order.now) === "half-open",
      runnerUpCost,
    };
    takeOut(choosing, index);
    choosing.spread.add(field.groupsAt(index));
    return { index, reason, relaxations };
  }
  return null;
}

function fits({ field, spread }: Choosing, index: number, level: Level): boolean {
  if (level.hasArea && !field.isInArea(index)) return false;
  return spread.fits(field.groupsAt(index), level.limits);
}

function isLittleKnown({ field, order, policy }: Choosing, index: number): boolean {
  const { kept, broken } = decayed(field.stateAt(index).evidence, order.now, policy);
  return kept + broken < policy.knownEvidence;
}

/** All wished-for miners that fit. When there are none, that is no reason to relax anything. */
function drawPreferred(choosing: Choosing, level: Level): number[] {
  const { field, order } = choosing;
  return order.preferred.filter((index) => {
    if (field.tree.weight(index) === 0 || !fits(choosing, index, level)) return false;
    if (!field.isRefused(index)) return true;
    takeOut(choosing, index);
    return false;
  });
}

/** Up to `candidates` miners that fit, each drawn with a probability in proportion to its weight. */
function draw(choosing: Choosing, level: Level, isExploration: boolean): number[] {
  const { field, order, policy } = choosing;
  const { tree } = field;
  const drawn: number[] = [];
  const putAside: { index: number; weight: number }[] = [];
  let fallback: number | null = null;
  for (let i = 0; i < policy.drawsMax && drawn.length < policy.candidates; i += 1) {
    const index = tree.at(order.random());
    if (index === null) break;
    if (field.isRefused(index)) {
      takeOut(choosing, index);
      continue;
    }
    putAside.push({ index, weight: tree.weight(index) });
    tree.set(index, 0);
    if (!fits(choosing, index, level)) continue;
    if (isExploration && i < policy.explorationDraws && !isLittleKnown(choosing, index)) fallback ??= index;
    else drawn.push(index);
  }
  for (const { index, weight } of putAside) tree.set(index, weight);
  if (drawn.length === 0 && fallback !== null) drawn.push(fallback);
  if (drawn.length === 0 && level.hasArea) drawn.push(...searchArea(choosing, level));
  return drawn;
}

/** An area may hold so few of very many that drawing misses them: then all are looked at. */
function searchArea(choosing: Choosing, level: Level): number[] {
  const { field, policy } = choosing;
  const found: number[] = [];
  for (let index = 0; index < field.size && found.length < policy.candidates; index += 1) {
    if (field.tree.weight(index) === 0 || !fits(choosing, index, level)) continue;
    if (field.isRefused(index)) takeOut(choosing, index);
    else found.push(index);
  }
  return found;
}

function cheapest(choosing: Choosing, drawn: readonly number[]) {
  const { field, order, policy } = choosing;
  let best: { index: number; score: Score } | null = null;
  let runnerUpCost: number | null = null;
  for (const index of drawn) {
    const score = scoreOf(field.stateAt(index), order.need.fragmentsPerColumn, order, policy);
    if (best === null || score.cost < best.score.cost) {
      runnerUpCost = best?.score.cost ?? null;
      best = { index, score };
    } else runnerUpCost = Math.min(runnerUpCost ?? Number.POSITIVE_INFINITY, score.cost);
  }
  return best === null ? null : { ...best, runnerUpCost };
}

/** In which ways the choice is worse than the strictest level would have it. */
function relaxationsOf({ field, levels, spread }: Choosing, index: number): readonly string[] {
  const strict = levels[0] as Level;
  const beyond: string[] = [...spread.beyond(field.groupsAt(index), strict.limits)];
  return strict.hasArea && !field.isInArea(index) ? ["area", ...beyond] : beyond;
}

/** Weight of free space: whole MiB, so that the tree's sums are exact. */
export const weightOfSpace = (idleBytes: number): number => Math.floor(idleBytes / 2 ** 20);
