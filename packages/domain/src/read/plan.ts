import { DATA_FRAGMENTS, err, ok, type Result } from "@granary/primitives";

/** One fragment of a segment, and what it would take to get it. */
export interface Candidate {
  /** 0..11; the first four are the data itself. */
  readonly row: number;
  /** What fetching is expected to cost, positive, in any one unit (seconds, as a rule). */
  readonly cost: number;
  /** False where its miner is known to be gone, or has failed to give it already. */
  readonly isAvailable: boolean;
}

/** How much dearer a data fragment may be than what replaces it, as data fragments need no decoding. */
const DATA_PREFERENCE = 1.5;

export interface ReadPlan {
  /** The data fragments that the reader needs bytes of. */
  readonly wanted: readonly number[];
  /** All available rows in the order in which to try them. */
  readonly order: readonly number[];
  /** How many of `order` to ask for at the start. */
  readonly first: number;
}

export interface NotEnough {
  readonly code: "FRAGMENTS_NOT_ENOUGH";
  readonly available: number;
  readonly needed: number;
}

const allData: readonly number[] = Array.from({ length: DATA_FRAGMENTS }, (_, row) => row);
const byCost = (a: { cost: number; row: number }, b: { cost: number; row: number }) => a.cost - b.cost || a.row - b.row;

/**
 * A segment is there when the slowest of its fragments is, so the cost of a set is its highest. Let `best` be the cost
 * of the four cheapest. Law: no fragment of the first round costs more than DATA_PREFERENCE · best.
 * - Where every wanted data fragment is within that, the wanted ones alone are asked for: no decoding, and for a short
 *   range a quarter of the traffic.
 * - Otherwise four are asked for, a data fragment counting as cheaper by DATA_PREFERENCE.
 * The rest follow in the same order, for failover and hedging.
 */
export function planRead(
  candidates: readonly Candidate[],
  wanted: readonly number[] = allData,
): Result<ReadPlan, NotEnough> {
  const available = candidates.filter(({ isAvailable }) => isAvailable);
  const wantedHere = available.filter(({ row }) => wanted.includes(row));
  const hasWanted = wantedHere.length === wanted.length;
  if (available.length < DATA_FRAGMENTS && !hasWanted) {
    return err({ code: "FRAGMENTS_NOT_ENOUGH", available: available.length, needed: DATA_FRAGMENTS });
  }
  const best = [...available].sort(byCost)[DATA_FRAGMENTS - 1]?.cost ?? Number.POSITIVE_INFINITY;
  const ranked = available
    .map(({ row, cost }) => ({ row, cost: row < DATA_FRAGMENTS ? cost / DATA_PREFERENCE : cost }))
    .sort(byCost)
    .map(({ row }) => row);
  if (!hasWanted || wantedHere.some(({ cost }) => cost > DATA_PREFERENCE * best)) {
    return ok({ wanted, order: ranked, first: DATA_FRAGMENTS });
  }
  const direct = ranked.filter((row) => wanted.includes(row));
  return ok({ wanted, order: [...direct, ...ranked.filter((row) => !wanted.includes(row))], first: direct.length });
}

/** What a reader has seen of its plan so far. Rows in none of the three were not asked for yet. */
export interface ReadProgress {
  readonly fetched: readonly number[];
  readonly pending: readonly number[];
  readonly failed: readonly number[];
}

export type NextStep =
  | { readonly do: "deliver" }
  /** Empty while all that is needed is under way. */
  | { readonly do: "fetch"; readonly rows: readonly number[] }
  | { readonly do: "give-up"; readonly reason: NotEnough };

/**
 * What to do now. A segment is readable with its wanted data fragments, or with any four; whatever failed is replaced
 * by the next in order. To hedge, leave a slow row out of `pending` and put it into `failed`: if its bytes come after
 * all, they count as fetched.
 */
export function nextStep(plan: ReadPlan, progress: ReadProgress): NextStep {
  const { fetched, pending } = progress;
  if (isReadable(plan, fetched)) return { do: "deliver" };
  const underWay = [...fetched, ...pending];
  if (isReadable(plan, underWay)) return { do: "fetch", rows: [] };
  const untried = plan.order.filter((row) => !underWay.includes(row) && !progress.failed.includes(row));
  if (underWay.length === 0 && progress.failed.length === 0) return { do: "fetch", rows: untried.slice(0, plan.first) };
  const rows = untried.slice(0, DATA_FRAGMENTS - underWay.length);
  if (!isReadable(plan, [...underWay, ...rows])) {
    const available = underWay.length + rows.length;
    return { do: "give-up", reason: { code: "FRAGMENTS_NOT_ENOUGH", available, needed: DATA_FRAGMENTS } };
  }
  return { do: "fetch", rows };
}

function isReadable(plan: ReadPlan, rows: readonly number[]): boolean {
  return rows.length >= DATA_FRAGMENTS || plan.wanted.every((row) => rows.includes(row));
}
