import type { BlobStore, StagedObject } from "@granary/blob-store";
import { type ReportPatience, reportPatienceMs } from "@granary/domain/miner";
import type { SegmentManifest } from "@granary/domain/object";
import {
  type AccountId,
  asCodedError,
  CodedError,
  type FragmentHash,
  SEGMENT_BYTES,
  ZERO_FRAGMENT_HASH,
} from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import type {
  Clock,
  DealRecord,
  DealStore,
  EncodedSegment,
  ManifestPort,
  MinerGate,
  MinerPool,
  Observer,
  SegmentEncoder,
} from "../ports.js";
import { keepLease } from "./keep-lease.js";
import { type StallRules, watchStalls } from "./watch-stalls.js";

export interface SendPorts {
  readonly deals: Pick<DealStore, "change" | "renewColumns">;
  readonly miners: Pick<MinerPool, "unreported">;
  readonly manifests: ManifestPort;
  readonly staging: Pick<BlobStore, "open">;
  readonly encoder: SegmentEncoder;
  readonly gate: Pick<MinerGate, "put">;
  readonly clock: Clock;
  readonly observer: Pick<Observer, "fragmentSent" | "bytesSent" | "sentTwice">;
  readonly log: Log;
}

export interface SendRules extends StallRules {
  readonly leaseMs: number;
  readonly report: ReportPatience;
  /** How long a miner may take to see the deal on its own chain node. */
  readonly dealNotSeenMs: number;
  /** Attempts at a column after which bytes that are not there, or are not what they were, end the deal. */
  readonly stagingAttemptsMax: number;
}

/** Columns of one deal with the miners that they were given to. */
export interface Round {
  readonly record: DealRecord;
  readonly columns: readonly { readonly index: number; readonly miner: AccountId; readonly endpoint: string }[];
}

/** A column on its way to its miner: one fragment after the other, in the order of segments. */
export interface Lane {
  readonly index: number;
  readonly miner: AccountId;
  readonly endpoint: string;
  readonly abort: AbortController;
  tail: Promise<void>;
  isLive: boolean;
  /** When the fragment that is being sent now was begun. */
  sendingSince: number | null;
  readonly seconds: number[];
}

/** A round while it runs. */
interface Sending {
  readonly ports: SendPorts;
  readonly rules: SendRules;
  readonly record: DealRecord;
  readonly lanes: readonly Lane[];
  readonly stopping: AbortSignal;
  /** Changes of the deal one after another: each takes its row lock, and a connection while it waits for it. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Segments between the slowest and the fastest column: what bounds the round's memory. */
const WINDOW = 2;
const RETRY_AT_ONCE_MS = 1_000;
const NOT_SEEN_PAUSE_MS = 1_000;

/**
 * Sends the columns of a round: each segment is read once, encoded off this thread, and its fragments go to the miners
 * side by side. A miner that fails or holds up the others leaves the round; its column waits for another. Nothing of the
 * fragments is ever stored here.
 */
export async function sendColumns(
  ports: SendPorts,
  rules: SendRules,
  round: Round,
  stopping: AbortSignal,
): Promise<void> {
  const { record } = round;
  const lanes = round.columns.map(openLane);
  const sending: Sending = { ports, rules, record, lanes, stopping, inTurn: createTurn() };
  const stop = () => {
    for (const lane of lanes) lane.abort.abort(new CodedError("MINER_CALL_ABORTED", "unavailable", "we are stopping"));
  };
  stopping.addEventListener("abort", stop, { once: true });
  if (stopping.aborted) stop();
  const lease = keepLease({ leaseMs: rules.leaseMs, renew: () => renewLanes(sending), log: ports.log });
  const stalls = watchStalls(rules, lanes, ports.clock);
  try {
    const segments = await ports.manifests.segments(record.uploadId, record.segmentCount);
    const staged = await ports.staging.open(record.uploadId);
    try {
      await streamSegments(sending, segments, staged);
    } finally {
      await Promise.all(lanes.map((lane) => lane.tail));
      await staged.close();
    }
  } catch (thrown) {
    await Promise.all(lanes.map((lane) => dropLane(sending, lane, thrown)));
  } finally {
    stopping.removeEventListener("abort", stop);
    stalls.stop();
    lease.stop();
  }
}

const openLane = (column: Round["columns"][number]): Lane => ({
  ...column,
  abort: new AbortController(),
  tail: Promise.resolve(),
  isLive: true,
  sendingSince: null,
  seconds: [],
});

function createTurn(): Sending["inTurn"] {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

async function renewLanes({ ports, record, lanes }: Sending): Promise<void> {
  const live = lanes.filter(({ isLive }) => isLive);
  const held = await ports.deals.renewColumns(record.uploadId, live);
  for (const lane of live) {
    // Ended meanwhile, it is not held because it is done.
    if (held.has(lane.index) || !lane.isLive) continue;
    lane.abort.abort(new CodedError("OVERTAKEN", "conflict", "the column is not this miner's any more"));
  }
}

async function streamSegments(
  sending: Sending,
  segments: readonly SegmentManifest[],
  staged: StagedObject,
): Promise<void> {
  const inWindow = new Set<Promise<unknown>>();
  for (const [position, segment] of segments.entries()) {
    while (inWindow.size >= WINDOW) await Promise.race(inWindow);
    const live = sending.lanes.filter(({ isLive }) => isLive);
    if (live.length === 0) break;
    const encoded = await encodeFor(sending, live, segment, (into, offset) =>
      staged.read(position * SEGMENT_BYTES + offset, into),
    );
    const isLast = position === segments.length - 1;
    const puts = live.map((lane) => {
      lane.tail = lane.tail.then(() => sendFragment(sending, lane, { segment, encoded, isLast }));
      return lane.tail;
    });
    const done: Promise<unknown> = Promise.all(puts).finally(() => {
      encoded?.release();
      inWindow.delete(done);
    });
    inWindow.add(done);
  }
}

const fragmentOf = (segment: SegmentManifest, column: number): FragmentHash =>
  segment.fragments[column - 1] as FragmentHash;

/** The rows that the live columns need; null when all of them are zeros, which travel by their name alone. */
async function encodeFor(
  { ports, stopping }: Sending,
  live: readonly Lane[],
  segment: SegmentManifest,
  read: (into: Uint8Array, offset: number) => Promise<unknown>,
): Promise<EncodedSegment | null> {
  const rows = live
    .filter(({ index }) => fragmentOf(segment, index) !== ZERO_FRAGMENT_HASH)
    .map(({ index }) => index - 1);
  if (rows.length === 0) return null;
  return ports.encoder.encode({ read, segmentHash: segment.hash, rows, signal: stopping });
}

interface Parcel {
  readonly segment: SegmentManifest;
  readonly encoded: EncodedSegment | null;
  readonly isLast: boolean;
}

/** Never rejects: a lane that fails leaves the round. */
async function sendFragment(sending: Sending, lane: Lane, parcel: Parcel): Promise<void> {
  if (!lane.isLive) return;
  try {
    lane.abort.signal.throwIfAborted();
    await putPatiently(sending, lane, parcel);
    if (parcel.isLast) await finishLane(sending, lane);
  } catch (thrown) {
    await dropLane(sending, lane, lane.abort.signal.aborted ? lane.abort.signal.reason : thrown);
  } finally {
    lane.sendingSince = null;
  }
}

/** A miner asks its own chain node, which may be some blocks behind ours. */
async function putPatiently(sending: Sending, lane: Lane, { segment, encoded }: Parcel): Promise<void> {
  const { ports, rules, record } = sending;
  const fragment = fragmentOf(segment, lane.index);
  const { endpoint } = lane;
  const bytes = fragment === ZERO_FRAGMENT_HASH ? undefined : encoded?.fragment(lane.index - 1);
  const request = { endpoint, fid: record.fid, fragment, signal: lane.abort.signal };
  const giveUpAt = ports.clock() + rules.dealNotSeenMs;
  while (true) {
    const startedAt = ports.clock();
    lane.sendingSince = startedAt;
    try {
      await ports.gate.put(bytes === undefined ? request : { ...request, bytes });
      const seconds = (ports.clock() - startedAt) / 1000;
      lane.seconds.push(seconds);
      ports.observer.fragmentSent(seconds);
      ports.observer.bytesSent(bytes?.length ?? 0);
      return;
    } catch (thrown) {
      const { code } = asCodedError(thrown);
      if (code !== "MINER_DEAL_NOT_SEEN" || ports.clock() >= giveUpAt || lane.abort.signal.aborted) throw thrown;
    }
    lane.sendingSince = null;
    await pause(NOT_SEEN_PAUSE_MS, lane.abort.signal);
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });

async function finishLane({ ports, rules, record, inTurn }: Sending, lane: Lane): Promise<void> {
  const { index, miner } = lane;
  const unreported = await ports.miners.unreported(miner);
  const secondsPerFragment = lane.seconds.reduce((sum, one) => sum + one, 0) / Math.max(1, lane.seconds.length);
  await inTurn(() =>
    ports.deals.change(record.uploadId, (deal) => {
      const reportBy = ports.clock() + reportPatienceMs(unreported, rules.report);
      deal.apply({ kind: "transferred", index, miner, reportBy, secondsPerFragment });
      const column = deal.record.deal.columns[index - 1];
      const isOthers = column?.state === "sending" || column?.state === "placed" ? column.miner !== miner : false;
      if (column?.state === "pending" || isOthers) ports.observer.sentTwice();
    }),
  );
  lane.isLive = false;
}

async function dropLane(sending: Sending, lane: Lane, thrown: unknown): Promise<void> {
  if (!lane.isLive) return;
  const { ports, rules, record, inTurn } = sending;
  lane.isLive = false;
  const { index, miner } = lane;
  const error = asCodedError(thrown);
  const { code, message: reason } = error;
  ports.log.thrown("a column has left its round", error, { uploadId: record.uploadId, index, miner });
  try {
    await inTurn(() =>
      ports.deals.change(record.uploadId, (deal) => {
        const attempts = deal.record.deal.columns[index - 1]?.attempts ?? 0;
        deal.apply({ kind: "refused", index, miner, code, notBefore: ports.clock() + pauseMs(code, attempts) });
        if (isStagingGone(code) && attempts >= rules.stagingAttemptsMax) {
          deal.apply({ kind: "failed", failure: { code, reason } });
        }
      }),
    );
  } catch (unwritten) {
    // The lease runs out, and the column waits again.
    ports.log.thrown("the end of an attempt could not be written", unwritten, { uploadId: record.uploadId, index });
  }
}

const isStagingGone = (code: string): boolean =>
  code === "STAGED_OBJECT_ABSENT" || code === "STAGED_OBJECT_TRUNCATED" || code === "STAGED_BYTES_CORRUPT";

const OWN_TROUBLE_PAUSE_MAX_MS = 30_000;

/** What the miner did wrong another can do right at once; our own trouble takes its time. */
function pauseMs(code: string, attempts: number): number {
  if (code === "MINER_CALL_ABORTED" || code === "OVERTAKEN") return 0;
  if (code.startsWith("MINER_")) return RETRY_AT_ONCE_MS;
  return Math.min(OWN_TROUBLE_PAUSE_MAX_MS, RETRY_AT_ONCE_MS * 2 ** Math.min(10, attempts));
}
