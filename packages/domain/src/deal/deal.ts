import { type AccountId, FRAGMENTS_PER_SEGMENT } from "@granary/primitives";
import type { Instant } from "../miner/instant.js";

export interface Failure {
  readonly code: string;
  readonly reason: string;
}

interface ColumnFacts {
  /** 1..12: the fragments of this place in all segments. */
  readonly index: number;
  /** How often it was given to a miner. */
  readonly attempts: number;
  /** What had to be given up when its present miner was chosen. */
  readonly relaxations: readonly string[];
}

/** One column on its way: pending → sending → placed → reported, and back to pending whenever a miner fails. */
export type Column = ColumnFacts &
  (
    | { readonly state: "pending"; readonly notBefore: Instant }
    /** A sender works on it, for as long as it renews its lease. */
    | {
        readonly state: "sending";
        readonly miner: AccountId;
        readonly leaseUntil: Instant;
        /** A second miner that is sent the same column, because the first is slow. Who has it whole first keeps it. */
        readonly rival?: Rival;
      }
    /** The miner has it all, and until `reportBy` to say so on chain. */
    | {
        readonly state: "placed";
        readonly miner: AccountId;
        readonly placedAt: Instant;
        readonly reportBy: Instant;
      }
    /** The chain has the miner's report. */
    | { readonly state: "reported"; readonly miner: AccountId; readonly block: number }
  );
export interface Rival {
  readonly miner: AccountId;
  readonly leaseUntil: Instant;
  readonly relaxations: readonly string[];
}
export type ColumnState = Column["state"];

/** A storage order: opened → declaring → placing → active, or failed where nothing can be done. */
export type Deal = { readonly columns: readonly Column[] } & (
  | { readonly state: "opened" }
  | { readonly state: "declaring" }
  /** The order is on chain. */
  | { readonly state: "placing"; readonly declaredBlock: number }
  /** The file is in a finalized block. */
  | { readonly state: "active"; readonly activeBlock: number }
  | { readonly state: "failed"; readonly failure: Failure }
);
export type DealState = Deal["state"];

/** What others are told of a deal. */
export interface Standing {
  readonly state: DealState;
  /** Columns that a miner holds completely, reported ones included. */
  readonly placedColumns: number;
  readonly reportedColumns: number;
  readonly activeBlock: number | null;
  readonly failure: Failure | null;
}

export const openDeal = (now: Instant): Deal => ({
  state: "opened",
  columns: Array.from({ length: FRAGMENTS_PER_SEGMENT }, (_, i) => ({
    index: i + 1,
    attempts: 0,
    relaxations: [],
    state: "pending",
    notBefore: now,
  })),
});

export function standingOf(deal: Deal): Standing {
  let placed = 0;
  let reportedColumns = 0;
  for (const { state } of deal.columns) {
    if (state === "reported") reportedColumns += 1;
    else if (state === "placed") placed += 1;
  }
  return {
    state: deal.state,
    placedColumns: reportedColumns + placed,
    reportedColumns,
    activeBlock: deal.state === "active" ? deal.activeBlock : null,
    failure: deal.state === "failed" ? deal.failure : null,
  };
}

export const isSameStanding = (a: Standing, b: Standing): boolean =>
  a.state === b.state &&
  a.placedColumns === b.placedColumns &&
  a.reportedColumns === b.reportedColumns &&
  a.activeBlock === b.activeBlock &&
  a.failure?.code === b.failure?.code;

/** Miners that have, or are getting, a column. */
export function holdersOf(deal: Deal): readonly AccountId[] {
  const holders: AccountId[] = [];
  for (const column of deal.columns) {
    if (column.state === "pending") continue;
    holders.push(column.miner);
    if (column.state === "sending" && column.rival !== undefined) holders.push(column.rival.miner);
  }
  return holders;
}

/** The miners that have, or are getting, a column: two while it is hedged. */
export function minersOf(column: Column): readonly AccountId[] {
  if (column.state === "pending") return [];
  if (column.state !== "sending" || column.rival === undefined) return [column.miner];
  return [column.miner, column.rival.miner];
}
