import { type Candidate, nextStep, planRead, type ReadPlan } from "@granary/domain/read";
import {
  type AccountId,
  asCodedError,
  CodedError,
  DATA_FRAGMENTS,
  type Fid,
  FRAGMENT_BYTES,
  ZERO_FRAGMENT_HASH,
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

/** A fragment in memory that belongs to the caller now. */
export interface Gathered {
  readonly row: number;
  readonly bytes: ArrayBuffer;
}

/** Fragments in memory at a time for one segment. */
const FRAGMENTS_AT_A_TIME = 6;
/** A fragment that the chain reports missing is tried when nothing else is left. */
const MISSING_COST_SECONDS = 1e6;

/**
 * Any four fragments of a segment, each checked against its hash: the data themselves where their miners are good,
 * cheapest first; whoever fails is replaced at once, whoever is slow is overtaken, and losers are cancelled.
 * @throws CodedError FRAGMENTS_NOT_ENOUGH (unavailable)
 */
export async function gatherFragments(
  ports: GatherPorts,
  fid: Fid,
  segment: ReadableSegment,
  signal: AbortSignal,
): Promise<Gathered[]> {
  const miners = segment.fragments.flatMap(({ miner }) => (miner === null ? [] : [miner]));
  const endpoints = await ports.directory.endpoints([...new Set(miners)]);
  const plan = planRead(segment.fragments.map((place, row) => candidateOf(ports.costs, endpoints, place, row)));
  if (!plan.ok) throw notEnough(plan.error.available, {});
  return race(ports, { fid, segment, endpoints, plan: plan.value }, signal);
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
  readonly plan: ReadPlan;
}

interface Attempt {
  readonly stop: AbortController;
  /** Overtaken: another row was asked for in its place. If its bytes come after all, they count. */
  isSlow: boolean;
}

async function race(ports: GatherPorts, given: Race, signal: AbortSignal): Promise<Gathered[]> {
  const fetched = new Map<number, ArrayBuffer>();
  const underWay = new Map<number, Attempt>();
  const failures = new Map<number, string>();
  /** Slow ones whose memory was needed: asked once more where nothing else is left. */
  const cancelled = new Set<number>();
  let isOver = false;
  let wake = () => {};
  const onAbort = () => wake();
  signal.addEventListener("abort", onAbort);

  async function run(row: number): Promise<void> {
    const attempt: Attempt = { stop: new AbortController(), isSlow: false };
    underWay.set(row, attempt);
    try {
      const bytes = await fetchRow(ports, given, row, attempt, () => wake());
      if (isOver) ports.fragments.recycle(bytes);
      else fetched.set(row, bytes);
    } catch (thrown) {
      if (attempt.stop.signal.aborted) cancelled.add(row);
      else failures.set(row, asCodedError(thrown).code);
    }
    underWay.delete(row);
    wake();
  }

  try {
    for (;;) {
      signal.throwIfAborted();
      const step = nextStep(given.plan, progressOf(fetched, underWay, [...failures.keys(), ...cancelled]));
      if (step.do === "deliver") return take(fetched);
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
        // Asked when the memory of the cancelled one is free.
        if (fetched.size + underWay.size >= FRAGMENTS_AT_A_TIME) cancelSlowest(underWay);
        else void run(row);
      }
      await changed;
    }
  } finally {
    isOver = true;
    signal.removeEventListener("abort", onAbort);
    for (const { stop } of underWay.values()) stop.abort();
    for (const bytes of fetched.values()) ports.fragments.recycle(bytes);
  }
}

function progressOf(
  fetched: ReadonlyMap<number, ArrayBuffer>,
  underWay: ReadonlyMap<number, Attempt>,
  outOfPlay: readonly number[],
) {
  const rowsOf = (isSlow: boolean) => [...underWay].filter(([, one]) => one.isSlow === isSlow).map(([row]) => row);
  return { fetched: [...fetched.keys()], pending: rowsOf(false), failed: [...outOfPlay, ...rowsOf(true)] };
}

/** The four with the lowest rows, out of what is there. */
function take(fetched: Map<number, ArrayBuffer>): Gathered[] {
  const rows = [...fetched.keys()].sort((a, b) => a - b).slice(0, DATA_FRAGMENTS);
  const taken = rows.map((row) => ({ row, bytes: fetched.get(row) as ArrayBuffer }));
  for (const row of rows) fetched.delete(row);
  return taken;
}

/** Who was overtaken first has had its time: its memory is needed. */
function cancelSlowest(underWay: Map<number, Attempt>): void {
  const first = [...underWay].find(([, { isSlow, stop }]) => isSlow && !stop.signal.aborted);
  first?.[1].stop.abort();
}

async function fetchRow(
  ports: GatherPorts,
  { fid, segment, endpoints }: Race,
  row: number,
  attempt: Attempt,
  onSlow: () => void,
): Promise<ArrayBuffer> {
  const place = segment.fragments[row] as FragmentPlace;
  if (isZero(place)) return new ArrayBuffer(FRAGMENT_BYTES);
  const miner = place.miner as AccountId;
  const startedAt = performance.now();
  const unwatch = watchSlowness(ports, miner, () => {
    attempt.isSlow = true;
    onSlow();
  });
  const { signal } = attempt.stop;
  try {
    const endpoint = endpoints.get(miner) as string;
    return await fetchFragment(ports, { fid, fragment: place.hash, miner, endpoint, signal });
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
): Promise<ArrayBuffer> {
  const { fid, fragment, miner, signal } = request;
  const startedAt = performance.now();
  ports.hedgeBudget.asked();
  try {
    const bytes = await ports.fragments.fetch(request);
    ports.costs.served(miner, (performance.now() - startedAt) / 1000);
    ports.observer.fetched("ok");
    return bytes;
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
