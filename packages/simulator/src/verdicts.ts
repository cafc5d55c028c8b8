import type { CellResult } from "./cell.js";
import type { PolicyName } from "./policy/index.js";

export interface Verdict {
  readonly claim: string;
  /** Null where there was nothing to measure: then the claim is not met. */
  readonly value: number | null;
  readonly atMost: number;
  readonly isMet: boolean;
}

/** The three comparisons that the design answers for, and how much of the Storj-like p95 to active ours may take. */
const comparisons = [
  { miners: 1_000, load: 0.05, ratio: 0.55 },
  { miners: 1_000, load: 0.1, ratio: 0.55 },
  { miners: 10_000, load: 0.1, ratio: 0.65 },
] as const;

/** What is claimed, with what came out; only for the cells that were run. */
export function judgeResults(results: readonly CellResult[]): readonly Verdict[] {
  return comparisons.flatMap(({ miners, load, ratio }) => {
    const find = (policy: PolicyName) =>
      results.find(
        ({ cell }) =>
          cell.miners === miners &&
          cell.load === load &&
          cell.policy === policy &&
          cell.population === "base" &&
          cell.gateways === 1,
      )?.outcome;
    const ours = find("granary");
    if (ours === undefined) return [];
    const verdict = (what: string, value: number | null | undefined, atMost: number): Verdict[] => {
      if (value === undefined) return [];
      const isMet = value !== null && value <= atMost;
      return [{ claim: `${miners} miners, load ${load}: ${what}`, value, atMost, isMet }];
    };
    const against = (policy: PolicyName) => {
      const theirs = find(policy);
      if (theirs === undefined) return undefined;
      const [mine, other] = [ours.active.p95, theirs.active.p95];
      return mine === null || other === null ? null : mine / other;
    };
    return [
      ...verdict("p95 to active, of the Storj-like", against("storj-like"), ratio),
      ...verdict("p95 to active, of the oracle", against("oracle"), 2),
      ...verdict("hedge waste", ours.hedgeWaste, 0.03),
      ...verdict("Gini of load by capacity", ours.gini, 0.35),
      ...verdict("false re-dispatch", ours.falseRedispatch, 0.005),
      ...verdict("diversity violations that are no recorded relaxation", ours.diversityViolations, 0),
    ];
  });
}
