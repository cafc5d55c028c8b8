import type { AccountId } from "@granary/primitives";
import type { Instant } from "../miner/instant.js";
import type { Observation } from "../miner/penalty.js";
import {
  type Column,
  type Deal,
  type Failure,
  holdersOf,
  isSameStanding,
  minersOf,
  type Rival,
  standingOf,
} from "./deal.js";

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
  /** The column is sent to a second miner too. */
  | {
      readonly kind: "hedged";
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
      /** Of a hedged column: for how long, per fragment, the other miner had been sent it by now. */
      readonly outrunSecondsPerFragment?: number;
    }
  | {
      readonly kind: "refused";
      readonly index: number;
      readonly miner: AccountId;
      readonly code: string;
      readonly notBefore: Instant;
    }
  /** The report of a column is waited for longer. */
  | {
      readonly kind: "patience-extended";
      readonly index: number;
      readonly miner: AccountId;
      readonly reportBy: Instant;
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
  if (next === deal) return { deal, effects };
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
    case "hedged":
      return deal.state === "placing" ? hedge(deal, event) : unchanged(deal);
    case "patience-extended":
      return extendPatience(deal, event);
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

const endAttempt = ({ index }: Column, miner: AccountId, outcome: AttemptOutcome): Effect => ({
  do: "end-attempt",
  index,
  miner,
  outcome,
});

type Sending = Column & { readonly state: "sending" };

const withoutRival = ({ rival: _, ...column }: Sending): Sending => column;

/** The second miner takes the first one's place. */
const rivalAlone = (column: Sending, { miner, leaseUntil, relaxations }: Rival): Sending => ({
  ...withoutRival(column),
  miner,
  leaseUntil,
  relaxations,
});

/** Without an order on chain nothing that miners have counts any more. */
function startOver(deal: Deal, now: Instant): Advanced {
  const effects = deal.columns.flatMap((column) =>
    column.state === "reported" ? [] : minersOf(column).map((miner) => endAttempt(column, miner, "DEAL_REMOVED")),
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

/** Law: as with the first, no miner that holds a column of the file; and never a third. */
function hedge(deal: Deal, event: DealEvent & { kind: "hedged" }): Advanced {
  const column = deal.columns[event.index - 1];
  if (column?.state !== "sending" || column.rival !== undefined) return unchanged(deal);
  if (holdersOf(deal).includes(event.miner)) return unchanged(deal);
  const { miner, leaseUntil, relaxations } = event;
  return {
    deal: withColumn(deal, { ...column, attempts: column.attempts + 1, rival: { miner, leaseUntil, relaxations } }),
    effects: [{ do: "open-attempt", index: event.index, miner }],
  };
}

function extendPatience(deal: Deal, event: DealEvent & { kind: "patience-extended" }): Advanced {
  const column = deal.columns[event.index - 1];
  if (column?.state !== "placed" || column.miner !== event.miner) return unchanged(deal);
  const reportBy = Math.max(column.reportBy, event.reportBy);
  return { deal: withColumn(deal, { ...column, reportBy }), effects: [] };
}

function postpone(deal: Deal, event: DealEvent & { kind: "postponed" }): Advanced {
  const column = deal.columns[event.index - 1];
  if (column?.state !== "pending") return unchanged(deal);
  return { deal: withColumn(deal, { ...column, notBefore: event.notBefore }), effects: [] };
}

type News = DealEvent & { kind: "lease-renewed" | "transferred" | "refused" };

/** News from the sender of a column. A sender that has lost the column is not heard. */
function hear(deal: Deal, event: News, now: Instant): Advanced {
  const column = deal.columns[event.index - 1];
  if (column?.state !== "sending" || !minersOf(column).includes(event.miner)) return unchanged(deal);
  switch (event.kind) {
    case "lease-renewed":
      return { deal: withColumn(deal, renew(column, event)), effects: [] };
    case "refused":
      return refuse(deal, column, event);
    case "transferred":
      return arrive(deal, column, event, now);
  }
}

function renew(column: Sending, { miner, leaseUntil }: News & { kind: "lease-renewed" }): Column {
  if (column.rival?.miner !== miner) return { ...column, leaseUntil };
  return { ...column, rival: { ...column.rival, leaseUntil } };
}

function refuse(deal: Deal, column: Sending, event: News & { kind: "refused" }): Advanced {
  const { miner, code, notBefore } = event;
  const observation: Observation = { kind: "failed", code };
  return {
    deal: withColumn(deal, leftBy(column, miner) ?? pending(column, notBefore)),
    effects: [endAttempt(column, miner, code), { do: "judge", miner, observation }],
  };
}

/** The column with the miner that remains; null when none does. */
function leftBy(column: Sending, miner: AccountId): Column | null {
  if (column.rival === undefined) return column.miner === miner ? null : column;
  return column.rival.miner === miner ? withoutRival(column) : rivalAlone(column, column.rival);
}

/** The first to have the column whole keeps it; the other, if there is one, is broken off without blame. */
function arrive(deal: Deal, column: Sending, event: News & { kind: "transferred" }, now: Instant): Advanced {
  const { miner, reportBy, secondsPerFragment } = event;
  const { index, attempts, relaxations } = column.rival?.miner === miner ? rivalAlone(column, column.rival) : column;
  const losers = minersOf(column).filter((one) => one !== miner);
  return {
    deal: withColumn(deal, { index, attempts, relaxations, state: "placed", miner, placedAt: now, reportBy }),
    effects: [
      endAttempt(column, miner, "placed"),
      ...losers.map((loser) => endAttempt(column, loser, "HEDGE_LOST")),
      { do: "judge", miner, observation: { kind: "transferred", secondsPerFragment } },
      ...losers.flatMap((loser) => outrun(loser, event)),
    ],
  };
}

function outrun(loser: AccountId, { outrunSecondsPerFragment }: News & { kind: "transferred" }): Effect[] {
  if (outrunSecondsPerFragment === undefined) return [];
  const observation: Observation = { kind: "outrun", secondsPerFragment: outrunSecondsPerFragment };
  return [{ do: "judge", miner: loser, observation }];
}

function passTime(deal: Deal, now: Instant): Advanced {
  const effects: Effect[] = [];
  const columns = deal.columns.map((column): Column => {
    if (column.state === "sending") return lapse(column, now, effects);
    if (column.state === "placed" && column.reportBy <= now) {
      effects.push(endAttempt(column, column.miner, "REPORT_MISSED"));
      effects.push({ do: "judge", miner: column.miner, observation: { kind: "report-missed" } });
      return pending(column, now);
    }
    return column;
  });
  return effects.length === 0 ? unchanged(deal) : { deal: { ...deal, columns }, effects };
}

function lapse(column: Sending, now: Instant, effects: Effect[]): Column {
  const { miner, leaseUntil, rival } = column;
  const lapsed = [
    ...(leaseUntil <= now ? [miner] : []),
    ...(rival !== undefined && rival.leaseUntil <= now ? [rival.miner] : []),
  ];
  effects.push(...lapsed.map((one) => endAttempt(column, one, "LEASE_LAPSED")));
  if (lapsed.length === minersOf(column).length) return pending(column, now);
  return lapsed.reduce<Column>((so, one) => (so.state === "sending" ? (leftBy(so, one) ?? so) : so), column);
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
    const isReporters = minersOf(column).includes(event.miner);
    if (!isTarget && !isReporters) return column;
    if (!isTarget) {
      if (column.state !== "reported") effects.push(endAttempt(column, event.miner, "OVERTAKEN"));
      return (column.state === "sending" ? leftBy(column, event.miner) : null) ?? pending(column, now);
    }
    for (const loser of minersOf(column)) {
      if (loser !== event.miner) effects.push(endAttempt(column, loser, "OVERTAKEN"));
    }
    const { index, attempts } = column;
    const isRivals = column.state === "sending" && column.rival?.miner === event.miner;
    const relaxations = isRivals ? (column.rival?.relaxations ?? []) : column.relaxations;
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
  const placedAt = target.state === "placed" && target.miner === event.miner ? { placedAt: target.placedAt } : {};
  effects.push({ do: "judge", miner: event.miner, observation: { kind: "reported", ...placedAt } });
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
