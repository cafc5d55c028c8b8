import { type Candidate, nextStep, planRead, type ReadPlan } from "@granary/domain/read";
import {
  type AccountId,
  asCodedError,
  CodedError,
  DATA_FRAGMENTS,
  type Fid,
  ZERO_FRAGMENT_HASH,
  zeroBytes,
} from "@granary/primitives";
import type {
  Directory,
  FragmentPlace,
  FragmentRequest,
  FragmentSource,
  HedgeBudget,
  HedgeReason,
  MinerCosts,
  ReadableSegment,
  ReadObserver,
  RecordCorrupt,
} from "../ports.js";

export interface GatherPorts {
  readonly directory: Pick<Directory, "endpoints">;
  readonly fragments: FragmentSource;
  readonly costs: MinerCosts;
  readonly hedgeBudget: HedgeBudget;
  readonly recordCorrupt: RecordCorrupt;
  readonly observer: ReadObserver;
}

/** A fragment that is there, and in which of the segment's twelve places. */
export interface Gathered {
  readonly row: number;
  readonly place: number;
}

/** Fragments of one segment that are there or on their way at a time: so many places behind the data are used at most. */
const FRAGMENTS_AT_A_TIME = 6;
/** A fragment that the chain reports missing is tried when nothing else is left. */
const MISSING_COST_SECONDS = 1e6;

/**
 * Any four fragments of a segment, each checked against its hash: the data themselves where their miners are good,
 * cheapest first; whoever fails is replaced at once, whoever is slow is overtaken, and losers are cancelled. Data are
 * received where they are in the segment, the first four of twelve places, parity behind; places of what is not returned
 * hold anything. When this ends, however it does, nothing is written to any of them any more.
 * @returns the four, by their rows
 * @throws CodedError FRAGMENTS_NOT_ENOUGH (unavailable)
 */
export async function gatherFragments(
  ports: GatherPorts,
  fid: Fid,
  segment: ReadableSegment,
  places: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<Gathered[]> {
  const miners = segment.fragments.flatMap(({ miner }) => (miner === null ? [] : [miner]));
  const endpoints = await ports.directory.endpoints([...new Set(miners)]);
  const plan = planRead(segment.fragments.map((place, row) => candidateOf(ports.costs, endpoints, place, row)));
  if (!plan.ok) throw notEnough(plan.error.available, {});
  return race(ports, { fid, segment, endpoints, places, plan: plan.value }, signal);
}

const isZero = ({ hash }: FragmentPlace): boolean => hash === ZERO_FRAGMENT_HASH;

function candidateOf(
  costs: MinerCosts,
  endpoints: ReadonlyMap<AccountId, string>,
  place: FragmentPlace,
  row: number,
): Candidate {
  // Zeros are made here; their cost must still be positive.
  if (isZero(place)) return { row, cost: Number.MIN_VALUE, isAvailable: true };
  const { miner } = place;
  if (miner === null || !endpoints.has(miner)) return { row, cost: 1, isAvailable: false };
  return { row, cost: costs.costOf(miner) + (place.isAvailable ? 0 : MISSING_COST_SECONDS), isAvailable: true };
}

interface Race {
  readonly fid: Fid;
  readonly segment: ReadableSegment;
  readonly endpoints: ReadonlyMap<AccountId, string>;
  readonly places: readonly Uint8Array[];
  readonly plan: ReadPlan;
}

interface Attempt {
  readonly place: number;
  readonly stop: AbortController;
  /** Overtaken: another row was asked for in its place. If its bytes come after all, they count. */
  isSlow: boolean;
}

async function race(ports: GatherPorts, given: Race, signal: AbortSignal): Promise<Gathered[]> {
  /** Places by their rows. */
  const fetched = new Map<number, number>();
  const underWay = new Map<number, Attempt>();
  const failures = new Map<number, string>();
  /** Slow ones whose memory was needed: asked once more where nothing else is left. */
  const cancelled = new Set<number>();
  let wake = () => {};
  const onAbort = () => wake();
  signal.addEventListener("abort", onAbort);

  async function run(row: number): Promise<void> {
    const attempt: Attempt = { place: placeFor(row, fetched, underWay), stop: new AbortController(), isSlow: false };
    underWay.set(row, attempt);
    let failure: string | null = null;
    try {
      await fetchRow(ports, given, row, attempt, () => wake());
    } catch (thrown) {
      failure = asCodedError(thrown).code;
    }
    // Whoever cancelled it did not wait for it to end, which may take as long as a connection does.
    if (attempt.stop.signal.aborted) return;
    underWay.delete(row);
    if (failure === null) fetched.set(row, attempt.place);
    else failures.set(row, failure);
    wake();
  }

  /** Who was overtaken first has had its time: its memory is needed, and is free at once. */
  function cancelSlowest(): void {
    const slowest = [...underWay].find(([, { isSlow }]) => isSlow);
    if (slowest === undefined) return;
    const [row, { stop }] = slowest;
    stop.abort();
    underWay.delete(row);
    cancelled.add(row);
  }

  try {
    for (;;) {
      signal.throwIfAborted();
      const step = nextStep(given.plan, progressOf(fetched, underWay, [...failures.keys(), ...cancelled]));
      if (step.do === "deliver") return firstFour(fetched);
      const changed = new Promise<void>((resolve) => {
        wake = resolve;
      });
      if (step.do === "give-up") {
        // Then memory does not matter; nobody is asked a third time, as now nobody is cancelled any more.
        if (cancelled.size + underWay.size === 0) throw notEnough(fetched.size, Object.fromEntries(failures));
        for (const row of cancelled) void run(row);
        cancelled.clear();
      }
      for (const row of step.do === "fetch" ? step.rows : []) {
        if (fetched.size + underWay.size >= FRAGMENTS_AT_A_TIME) cancelSlowest();
        void run(row);
      }
      await changed;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    for (const { stop } of underWay.values()) stop.abort();
  }
}

/** Data belong where they are in the segment. Parity is taken where there is room: what is never needed is never touched. */
function placeFor(
  row: number,
  fetched: ReadonlyMap<number, number>,
  underWay: ReadonlyMap<number, Pick<Attempt, "place">>,
): number {
  if (row < DATA_FRAGMENTS) return row;
  const taken = new Set([...fetched.values(), ...[...underWay.values()].map(({ place }) => place)]);
  let place = DATA_FRAGMENTS;
  while (taken.has(place)) place += 1;
  return place;
}

function progressOf(
  fetched: ReadonlyMap<number, number>,
  underWay: ReadonlyMap<number, Attempt>,
  outOfPlay: readonly number[],
) {
  const rowsOf = (isSlow: boolean) => [...underWay].filter(([, one]) => one.isSlow === isSlow).map(([row]) => row);
  return { fetched: [...fetched.keys()], pending: rowsOf(false), failed: [...outOfPlay, ...rowsOf(true)] };
}

/** The four with the lowest rows, out of what is there. */
const firstFour = (fetched: ReadonlyMap<number, number>): Gathered[] =>
  [...fetched]
    .sort(([a], [b]) => a - b)
    .slice(0, DATA_FRAGMENTS)
    .map(([row, place]) => ({ row, place }));

async function fetchRow(
  ports: GatherPorts,
  { fid, segment, endpoints, places }: Race,
  row: number,
  attempt: Attempt,
  onSlow: () => void,
): Promise<void> {
  const place = segment.fragments[row] as FragmentPlace;
  const into = places[attempt.place] as Uint8Array;
  if (isZero(place)) return zeroBytes(into);
  const miner = place.miner as AccountId;
  const startedAt = performance.now();
  const unwatch = watchSlowness(ports, miner, () => {
    attempt.isSlow = true;
    onSlow();
  });
  const { signal } = attempt.stop;
  signal.addEventListener("abort", unwatch, { once: true });
  try {
    const endpoint = endpoints.get(miner) as string;
    await fetchFragment(ports, { fid, fragment: place.hash, miner, endpoint, into, signal });
  } catch (error) {
    // That it lost is not its fault; that it was slow is known.
    if (signal.aborted && attempt.isSlow) ports.costs.overtaken(miner, (performance.now() - startedAt) / 1000);
    throw error;
  } finally {
    unwatch();
  }
}

/** Calls once: early where the budget has room for a hedge, else when the miner must be taken for stuck. */
function watchSlowness(
  { costs, hedgeBudget, observer }: Pick<GatherPorts, "costs" | "hedgeBudget" | "observer">,
  miner: AccountId,
  onSlow: () => void,
): () => void {
  const earlyMs = costs.hedgeAfterMs(miner);
  const restMs = costs.stuckAfterMs(miner) - earlyMs;
  const overtake = (reason: HedgeReason) => {
    observer.hedged(reason);
    onSlow();
  };
  let timer = setTimeout(() => {
    if (restMs <= 0) overtake("stuck");
    else if (hedgeBudget.take()) overtake("slow");
    else timer = setTimeout(() => overtake("stuck"), restMs);
  }, earlyMs);
  return () => clearTimeout(timer);
}

/** One fragment from one miner. How it went is remembered of the miner; wrong bytes are kept as evidence against it. */
export async function fetchFragment(
  ports: Pick<GatherPorts, "fragments" | "costs" | "hedgeBudget" | "observer" | "recordCorrupt">,
  request: FragmentRequest,
): Promise<void> {
  const { fid, fragment, miner, signal } = request;
  const startedAt = performance.now();
  ports.hedgeBudget.asked();
  try {
    await ports.fragments.fetch(request);
    ports.costs.served(miner, (performance.now() - startedAt) / 1000);
    ports.observer.fetched("ok");
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    const error = asCodedError(thrown);
    ports.costs.failed(miner);
    ports.observer.fetched(error);
    if (error.category === "corrupt") void ports.recordCorrupt({ fid, fragment, miner, reason: error.code });
    throw error;
  }
}

function notEnough(available: number, failures: Record<number, string>): CodedError {
  const details = { available, needed: DATA_FRAGMENTS, failures: Object.values(failures).join(" ") };
  return new CodedError(
    "FRAGMENTS_NOT_ENOUGH",
    "unavailable",
    "too few fragments of a segment can be had now",
    details,
  );
}
