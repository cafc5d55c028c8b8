import type { Cell } from "./cell.js";
import { type PolicyName, policyNames } from "./policy/index.js";
import { type Population, populations } from "./population.js";

/** A cell, and under which heading it is shown. */
export interface Planned {
  readonly title: string;
  readonly cell: Cell;
  /** Belongs to the comparison of policies that `--json` writes. */
  readonly isComparison: boolean;
}

export const realReports = { pollSeconds: 30, secondsPerReport: 7, finalitySeconds: 12 };

export const cellOf = (more: Partial<Cell> & Pick<Cell, "miners" | "load" | "policy" | "seconds">): Cell => ({
  population: "base",
  gateways: 1,
  readsForeignDeals: false,
  fragments: 1,
  warmUpSeconds: Math.min(300, more.seconds / 3),
  seed: 1,
  reports: realReports,
  ...more,
});

const comparison = (miners: number, load: number, seconds: number, policies: readonly PolicyName[], seed: number) =>
  policies.map((policy) => ({
    title: `${miners} miners, load ${load}`,
    cell: cellOf({ miners, load, policy, seconds, seed }),
    isComparison: true,
  }));

const pair = ["granary", "storj-like"] as const;
const troubles = populations.filter((one) => one !== "base");
/** Long enough for deadlines to pass, for miners to be given up, mended, and tried again. */
const TURNCOAT_SECONDS = 1_800;

const trouble = (population: Population, seconds: number, seed: number): Planned[] =>
  pair.map((policy) => ({
    title: `population ${population}, 1000 miners, load 0.05`,
    cell: cellOf({
      miners: 1_000,
      load: 0.05,
      policy,
      population,
      seed,
      seconds: population === "turncoats" ? TURNCOAT_SECONDS : seconds,
    }),
    isComparison: false,
  }));

const manyGateways = (gateways: number, readsForeignDeals: boolean, seconds: number, seed: number): Planned => ({
  title: `${gateways} gateways, each ${readsForeignDeals ? "reads the chain's open deals" : "knows its own columns only"}`,
  cell: cellOf({ miners: 1_000, load: 0.1, policy: "granary", gateways, readsForeignDeals, seconds, seed }),
  isComparison: false,
});

/** What `pnpm simulate` runs; `scale` prolongs all of it. */
export function standardPlan(seed: number, scale: number): readonly Planned[] {
  return [
    ...comparison(1_000, 0.05, 600 * scale, policyNames, seed),
    ...comparison(1_000, 0.1, 600 * scale, policyNames, seed),
    ...comparison(10_000, 0.1, 300 * scale, ["granary", "storj-like", "oracle"], seed),
    ...troubles.flatMap((population) => trouble(population, 450 * scale, seed)),
    manyGateways(4, false, 450 * scale, seed),
    manyGateways(4, true, 450 * scale, seed),
    manyGateways(32, true, 450 * scale, seed),
    {
      title: "100000 miners, load 0.05, nothing known of any",
      cell: cellOf({ miners: 100_000, load: 0.05, policy: "granary", seconds: 20 * scale, warmUpSeconds: 0, seed }),
      isComparison: false,
    },
  ];
}
