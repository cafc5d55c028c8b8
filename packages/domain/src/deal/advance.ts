import type { AccountId } from "@granary/primitives";
import type { Instant } from "../miner/instant.js";
import type { Observation } from "../miner/penalty.js";
import { type Column, type Deal, type Failure, holdersOf, isSameStanding, standingOf } from "./deal.js";

/** What can happen to a deal: by our doing, by a miner's, by the chain's, or by time. */
export type DealEvent =
  | { readonly kind: "declaration-begun" }
  /** It came to nothing: something is in the way. */
  | { readonly kind: "declaration-withdrawn" }
  /** Our order is in a block, and the chain says that it is ours. */
  | { readonly kind: "declared"; readonly block: number }
  /** The order is not on chain any more, and no file came of it. */
  | { readonly kind: "vanished" }
  | {
      readonly kind: "assigned";
      readonly index: number;
      readonly miner: AccountId;
      readonly leaseUntil: Instant;
      readonly relaxations: readonly string[];
    }
  | { readonly kind: "lease-renewed"; readonly index: number; readonly miner: AccountId; readonly leaseUntil: Instant }
  | {
      readonly kind: "transferred";
      readonly index: number;
      readonly miner: AccountId;
      readonly reportBy: Instant;
      readonly secondsPerFragment: number;
    }
  | {
      readonly kind: "refused";
      readonly index: number;
      readonly miner: AccountId;
      readonly code: string;
      readonly notBefore: Instant;
    }
  /** There is no miner for a column now. */
  | { readonly kind: "postponed"; readonly index: number; readonly notBefore: Instant }
  /** Leases and report deadlines that are over by now. */
  | { readonly kind: "time-passed" }
  | {
      readonly kind: "reported";
      readonly index: number;
      readonly miner: AccountId;
      readonly block: number;
      /**
       * The reporter was never given this column: it can report it only because it holds an equal one (the fragments of
       * zeros of a small file), and whoever was given this one holds the other as well.
       */
      readonly isTwin?: boolean;
    }
  /** The file is in a finalized block; `miners` by column, where known. */
  | { readonly kind: "activated"; readonly block: number; readonly miners: readonly AccountId[] | null }
  | { readonly kind: "failed"; readonly failure: Failure }
  /** What made the deal fail is gone: it starts over. */
  | { readonly kind: "resumed" };

/** How an attempt to place a column ended. */
export type AttemptOutcome = "placed" | "reported" | string;

export type Effect =
  /** The standing changed: a new revision is to be told. */
  | { readonly do: "announce" }
  | { readonly do: "open-attempt"; readonly index: number; readonly miner: AccountId }
  | { readonly do: "end-attempt"; readonly index: number; readonly miner: AccountId; readonly outcome: AttemptOutcome }
  /** Two miners have changed places: their attempts go with them. */
  | {
      readonly do: "exchange-attempts";
      readonly from: { readonly index: number; readonly miner: AccountId };
      readonly to: { readonly index: number; readonly miner: AccountId };
    }
  /** Tells the pool of miners. "reported" is settled by whoever knows whether that report was given up before. */
  | { readonly do: "judge"; readonly miner: AccountId; readonly observation: Observation };

export interface Advanced {
  readonly deal: Deal;
  readonly effects: readonly Effect[];
}

/**
 * The next state of a deal, and what is to be done about it.
 *
 * Laws: an event that does not fit the state changes nothing, so that each may come twice, late or out of order; active
 * is the end; at no time has a miner two columns; whatever a miner reports, the chain is right about it.
 */
export function advance(deal: Deal, event: DealEvent, now: Instant): Advanced {
  const { deal: next, effects } = step(deal, event, now);
  if (isSameStanding(standingOf(deal), standingOf(next))) return { deal: next, effects };
  return { deal: next, effects: [...effects, { do: "announce" }] };
}

const unchanged = (deal: Deal): Advanced => ({ deal, effects: [] });

function step(deal: Deal, event: DealEvent, now: Instant): Advanced {
  if (deal.state === "active") return unchanged(deal);
  switch (event.kind) {
    case "declaration-begun":
      return deal.state === "opened" ? { deal: { ...deal, state: "declaring" }, effects: [] } : unchanged(deal);
    case "declaration-withdrawn":
      return deal.state === "declaring" ? { deal: { ...deal, state: "opened" }, effects: [] } : unchanged(deal);
    case "declared":
      if (deal.state !== "opened" && deal.state !== "declaring") return unchanged(deal);
      return { deal: { state: "placing", declaredBlock: event.block, columns: deal.columns }, effects: [] };
    case "vanished":
      return deal.state === "placing" ? startOver(deal, now) : unchanged(deal);
    case "resumed":
      return deal.state === "failed" ? startOver(deal, now) : unchanged(deal);
    case "failed":
      if (deal.state === "failed") return unchanged(deal);
      return { deal: { state: "failed", failure: event.failure, columns: deal.columns }, effects: [] };
    case "activated":
      return deal.state === "failed" ? unchanged(deal) : activate(deal, event, now);
    case "reported":
      return settle(deal, event, now);
    case "time-passed":
      return deal.state === "placing" ? passTime(deal, now) : unchanged(deal);
    case "assigned":
      return deal.state === "placing" ? assign(deal, event) : unchanged(deal);
    case "postponed":
      return postpone(deal, event);
    case "lease-renewed":
    case "transferred":
    case "refused":
      return deal.state === "placing" ? hear(deal, event, now) : unchanged(deal);
    default:
      return event satisfies never;
  }
}

const withColumn = <D extends Deal>(deal: D, column: Column): D => ({
  ...deal,
  columns: deal.columns.map((one) => (one.index === column.index ? column : one)),
});

const pending = (column: Column, notBefore: Instant): Column => ({
  index: column.index,
  attempts: column.attempts,
  relaxations: [],
  state: "pending",
  notBefore,
});

const endAttempt = (column: Column & { miner: AccountId }, outcome: AttemptOutcome): Effect => ({
  do: "end-attempt",
  index: column.index,
  miner: column.miner,
  outcome,
});

/** Without an order on chain nothing that miners have counts any more. */
function startOver(deal: Deal, now: Instant): Advanced {
  const effects = deal.columns.flatMap((column) =>
    column.state === "sending" || column.state === "placed" ? [endAttempt(column, "DEAL_REMOVED")] : [],
  );
  return { deal: { state: "opened", columns: deal.columns.map((column) => pending(column, now)) }, effects };
}

function assign(deal: Deal, event: DealEvent & { kind: "assigned" }): Advanced {
  const column = deal.columns[event.index - 1];
  if (column?.state !== "pending" || holdersOf(deal).includes(event.miner)) return unchanged(deal);
  return {
    deal: withColumn(deal, {
      index: column.index,
      attempts: column.attempts + 1,
      relaxations: event.relaxations,
      state: "sending",
      miner: event.miner,
      leaseUntil: event.leaseUntil,
    }),
    effects: [{ do: "open-attempt", index: event.index, miner: event.miner }],
  };
}

function postpone(deal: Deal, event: DealEvent & { kind: "postponed" }): Advanced {
  const column = deal.columns[event.index - 1];
  if (column?.state !== "pending") return unchanged(deal);
  return { deal: withColumn(deal, { ...column, notBefore: event.notBefore }), effects: [] };
}

/** News from the sender of a column. A sender that has lost the column is not heard. */
function hear(
  deal: Deal,
  event: DealEvent & { kind: "lease-renewed" | "transferred" | "refused" },
  now: Instant,
): Advanced {
  const column = deal.columns[event.index - 1];
  if (column?.state !== "sending" || column.miner !== event.miner) return unchanged(deal);
  if (event.kind === "lease-renewed") {
    return { deal: withColumn(deal, { ...column, leaseUntil: event.leaseUntil }), effects: [] };
  }
  if (event.kind === "refused") {
    const observation: Observation = { kind: "failed", code: event.code };
    return {
      deal: withColumn(deal, pending(column, event.notBefore)),
      effects: [endAttempt(column, event.code), { do: "judge", miner: event.miner, observation }],
    };
  }
  const { index, attempts, relaxations, miner } = column;
  const observation: Observation = { kind: "transferred", secondsPerFragment: event.secondsPerFragment };
  return {
    deal: withColumn(deal, {
      index,
      attempts,
      relaxations,
      state: "placed",
      miner,
      placedAt: now,
      reportBy: event.reportBy,
    }),
    effects: [endAttempt(column, "placed"), { do: "judge", miner, observation }],
  };
}

function passTime(deal: Deal, now: Instant): Advanced {
  const effects: Effect[] = [];
  const columns = deal.columns.map((column): Column => {
    if (column.state === "sending" && column.leaseUntil <= now) {
      effects.push(endAttempt(column, "LEASE_LAPSED"));
      return pending(column, now);
    }
    if (column.state === "placed" && column.reportBy <= now) {
      effects.push(endAttempt(column, "REPORT_MISSED"));
      effects.push({ do: "judge", miner: column.miner, observation: { kind: "report-missed" } });
      return pending(column, now);
    }
    return column;
  });
  return effects.length === 0 ? unchanged(deal) : { deal: { ...deal, columns }, effects };
}

/**
 * A column belongs to whoever reported it. Whom we had given it to has lost it, without blame; and if the reporter was
 * on another column of this file, that one is free again, because the chain takes one report per miner and file. Where
 * the two columns are equal the two miners just change places.
 */
function settle(before: Deal, event: DealEvent & { kind: "reported" }, now: Instant): Advanced {
  const effects: Effect[] = [];
  const deal = event.isTwin === true ? changePlaces(before, event, effects) : before;
  const target = deal.columns[event.index - 1];
  if (deal.state === "failed" || target === undefined || target.state === "reported") return unchanged(before);
  // The chain takes one report per miner and file; a second is of another order, long gone.
  if (deal.columns.some((column) => column.state === "reported" && column.miner === event.miner))
    return unchanged(before);
  const columns = deal.columns.map((column): Column => {
    const isTarget = column.index === event.index;
    const isReporters = column.state !== "pending" && column.miner === event.miner;
    if (!isTarget && !isReporters) return column;
    if ((column.state === "sending" || column.state === "placed") && !(isTarget && isReporters)) {
      effects.push(endAttempt(column, "OVERTAKEN"));
    }
    if (!isTarget) return pending(column, now);
    const { index, attempts, relaxations } = column;
    return {
      index,
      attempts,
      relaxations: isReporters ? relaxations : [],
      state: "reported",
      miner: event.miner,
      block: event.block,
    };
  });
  effects.push({ do: "end-attempt", index: event.index, miner: event.miner, outcome: "reported" });
  effects.push({ do: "judge", miner: event.miner, observation: { kind: "reported" } });
  return { deal: { ...deal, columns }, effects };
}

function changePlaces(deal: Deal, event: DealEvent & { kind: "reported" }, effects: Effect[]): Deal {
  const target = deal.columns[event.index - 1];
  const own = deal.columns.find((column) => column.state === "placed" && column.miner === event.miner);
  if (target?.state !== "placed" || own?.state !== "placed" || own === target) return deal;
  effects.push({
    do: "exchange-attempts",
    from: { index: own.index, miner: own.miner },
    to: { index: target.index, miner: target.miner },
  });
  const swapped: Column[] = [
    { ...own, index: target.index, attempts: target.attempts },
    { ...target, index: own.index, attempts: own.attempts },
  ];
  return swapped.reduce((so, column) => withColumn(so, column), deal);
}

/** The end: whatever we had missed, or misheard, of the reports is in the file. */
function activate(deal: Deal, event: DealEvent & { kind: "activated" }, now: Instant): Advanced {
  const { block, miners } = event;
  const effects: Effect[] = [];
  const isMisheard = (column: Column) =>
    column.state === "reported" && miners !== null && miners[column.index - 1] !== column.miner;
  let current: Deal = {
    ...deal,
    columns: deal.columns.map((column) => (isMisheard(column) ? pending(column, now) : column)),
  };
  for (const [i, miner] of (miners ?? []).entries()) {
    const settled = settle(current, { kind: "reported", index: i + 1, miner, block, isTwin: true }, now);
    current = settled.deal;
    effects.push(...settled.effects);
  }
  return { deal: { state: "active", activeBlock: block, columns: current.columns }, effects };
}
