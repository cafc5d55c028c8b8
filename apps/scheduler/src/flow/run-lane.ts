import { earnBrake, type MinerPolicy, type ReportPatience, reportPatienceMs } from "@granary/domain/miner";
import type { SegmentManifest } from "@granary/domain/object";
import { type AccountId, asCodedError, CodedError, type FragmentHash, ZERO_FRAGMENT_HASH } from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import type {
  Budgets,
  Clock,
  DealRecord,
  DealStore,
  EncodedSegment,
  MinerGate,
  MinerPool,
  Observer,
} from "../ports.js";

export interface LanePorts {
  readonly deals: Pick<DealStore, "change">;
  readonly miners: Pick<MinerPool, "reportsOf">;
  readonly budgets: Budgets;
  readonly gate: Pick<MinerGate, "put">;
  readonly clock: Clock;
  readonly observer: Pick<Observer, "fragmentSent" | "bytesSent" | "sentTwice" | "hedged" | "hedgeWasted">;
  readonly log: Log;
}

export interface LaneRules {
  readonly policy: MinerPolicy;
  readonly report: ReportPatience;
  /** How long a miner may take to see the deal on its own chain node. */
  readonly dealNotSeenMs: number;
  /** Attempts at a column after which bytes that are not there, or are not what they were, end the deal. */
  readonly stagingAttemptsMax: number;
}

/** A column on its way to its miner: one fragment after the other, in the order of segments. */
export interface Lane {
  readonly index: number;
  readonly miner: AccountId;
  readonly endpoint: string;
  /** It runs after another lane of the same column, which is slow. */
  readonly isRival: boolean;
  readonly startedAt: number;
  /** What its miner was expected to take when it was chosen. */
  readonly expectedSeconds: number;
  readonly abort: AbortController;
  tail: Promise<void>;
  isLive: boolean;
  /** A second lane was asked for. */
  isHedged: boolean;
  /** When its miner had the whole column. */
  arrivedAt: number | null;
  /** When the fragment that is being sent now was begun. */
  sendingSince: number | null;
  sentFragments: number;
  sentBytes: number;
  readonly seconds: number[];
}

/** A column and the miner that it was given to. */
export type LaneOrder = Pick<Lane, "index" | "miner" | "endpoint" | "expectedSeconds">;

/** A round while it runs. */
export interface Sending<P extends LanePorts = LanePorts, R extends LaneRules = LaneRules> {
  readonly ports: P;
  readonly rules: R;
  readonly record: DealRecord;
  readonly lanes: Lane[];
  readonly stopping: AbortSignal;
  /** Changes of the deal one after another: each takes its row lock, and a connection while it waits for it. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

const RETRY_AT_ONCE_MS = 1_000;
const NOT_SEEN_PAUSE_MS = 1_000;

export const openLane = (
  { index, miner, endpoint, expectedSeconds }: LaneOrder,
  startedAt: number,
  isRival = false,
): Lane => ({
  index,
  miner,
  endpoint,
  isRival,
  startedAt,
  expectedSeconds,
  abort: new AbortController(),
  tail: Promise.resolve(),
  isLive: true,
  isHedged: false,
  arrivedAt: null,
  sendingSince: null,
  sentFragments: 0,
  sentBytes: 0,
  seconds: [],
});

export const fragmentOf = (segment: SegmentManifest, column: number): FragmentHash =>
  segment.fragments[column - 1] as FragmentHash;

export interface Parcel {
  readonly segment: SegmentManifest;
  readonly encoded: EncodedSegment | null;
  readonly isLast: boolean;
}

/** Never rejects: a lane that fails leaves the round. */
export async function sendFragment(sending: Sending, lane: Lane, parcel: Parcel): Promise<void> {
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
      lane.sentFragments += 1;
      lane.sentBytes += bytes?.length ?? 0;
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

async function finishLane(sending: Sending, lane: Lane): Promise<void> {
  const { ports, rules, record, inTurn } = sending;
  const { index, miner } = lane;
  const arrivedAt = ports.clock();
  const reports = await ports.miners.reportsOf(miner);
  const patienceMs = reportPatienceMs(reports?.unreported ?? 0, rules.report, reports?.reporting);
  const secondsPerFragment = lane.seconds.reduce((sum, one) => sum + one, 0) / Math.max(1, lane.seconds.length);
  await inTurn(async () => {
    // The other lane of the column was first.
    if (!lane.isLive) return;
    await ports.deals.change(record.uploadId, (deal) => {
      const reportBy = ports.clock() + patienceMs;
      const outrun = outrunBy(sending, lane);
      deal.apply({ kind: "transferred", index, miner, reportBy, secondsPerFragment, ...outrun });
      const column = deal.record.deal.columns[index - 1];
      const isOthers = column?.state === "sending" || column?.state === "placed" ? column.miner !== miner : false;
      if (column?.state === "pending" || isOthers) ports.observer.sentTwice();
    });
    lane.isLive = false;
    lane.arrivedAt = arrivedAt;
    await settleRace(sending, lane);
  });
  const { hedgeShare, hedgeBurst, brakeBurst } = rules.policy;
  await ports.budgets.earn("hedge", hedgeShare, hedgeBurst);
  await ports.budgets.draw("redispatch", brakeBurst, ({ tokens, at }) => {
    const earned = earnBrake({ bucket: { tokens }, at }, 1, ports.clock(), rules.policy);
    return { tokens: earned.bucket.tokens, at: earned.at, result: undefined };
  });
}

/** How long the first miner of a column had been taking for each fragment when the second had the whole of it. */
function outrunBy({ ports, lanes }: Sending, winner: Lane): { readonly outrunSecondsPerFragment?: number } {
  const late = lanes.find(({ index, isLive, isRival }) => index === winner.index && isLive && !isRival);
  if (!winner.isRival || late === undefined) return {};
  return { outrunSecondsPerFragment: (ports.clock() - late.startedAt) / 1000 / (late.sentFragments + 1) };
}

/** The first of two lanes to have the whole column ends the other; what was not sent of it was not spent. */
async function settleRace({ ports, rules, record, lanes }: Sending, winner: Lane): Promise<void> {
  for (const loser of lanes) {
    if (loser === winner || loser.index !== winner.index || !loser.isLive) continue;
    loser.isLive = false;
    loser.abort.abort(new CodedError("HEDGE_LOST", "conflict", "another miner has the column"));
    ports.observer.hedged(winner.isRival ? "won" : "lost");
    ports.observer.hedgeWasted(loser.sentBytes);
    const unsent = 1 - loser.sentFragments / record.segmentCount;
    await ports.budgets.earn("hedge", unsent, rules.policy.hedgeBurst);
  }
}

export async function dropLane(sending: Sending, lane: Lane, thrown: unknown): Promise<void> {
  if (!lane.isLive) return;
  const { ports, rules, record, inTurn } = sending;
  lane.isLive = false;
  if (lane.isRival) ports.observer.hedged("failed");
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
