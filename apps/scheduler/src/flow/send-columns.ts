import type { BlobStore, StagedObject } from "@granary/blob-store";
import type { SegmentManifest } from "@granary/domain/object";
import { CodedError, SEGMENT_BYTES, ZERO_FRAGMENT_HASH } from "@granary/primitives";
import type { DealRecord, DealStore, EncodedSegment, ManifestPort, SegmentEncoder } from "../ports.js";
import { type HedgePorts, watchHedges } from "./hedge-columns.js";
import { keepLease } from "./keep-lease.js";
import {
  dropLane,
  fragmentOf,
  type Lane,
  type LaneOrder,
  type LaneRules,
  openLane,
  type Sending,
  sendFragment,
} from "./run-lane.js";
import { type StallRules, watchStalls } from "./watch-stalls.js";

export interface SendPorts extends HedgePorts {
  readonly deals: Pick<DealStore, "change" | "renewColumns">;
  readonly manifests: ManifestPort;
  readonly staging: Pick<BlobStore, "open">;
  readonly encoder: SegmentEncoder;
}

export interface SendRules extends StallRules, LaneRules {
  readonly leaseMs: number;
}

/** Columns of one deal with the miners that they were given to. */
export interface Round {
  readonly record: DealRecord;
  readonly columns: readonly LaneOrder[];
}

export type ColumnsSending = Sending<SendPorts, SendRules>;

/** Segments between the slowest and the fastest column: what bounds the round's memory. */
const WINDOW = 2;

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
  const lanes = round.columns.map((column) => openLane(column, ports.clock()));
  const sending: ColumnsSending = { ports, rules, record, lanes, stopping, inTurn: createTurn() };
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
      const hedges = watchHedges(sending, (lane) => sendAlone(sending, lane, segments, staged));
      try {
        await streamSegments(sending, segments, staged);
      } finally {
        await Promise.all(lanes.map((lane) => lane.tail));
        await hedges.end();
      }
    } finally {
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

function createTurn(): ColumnsSending["inTurn"] {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

async function renewLanes({ ports, record, lanes }: ColumnsSending): Promise<void> {
  const live = lanes.filter(({ isLive }) => isLive);
  const held = await ports.deals.renewColumns(record.uploadId, live);
  for (const lane of live) {
    // Ended meanwhile, it is not held because it is done.
    if (held.has(lane.miner) || !lane.isLive) continue;
    lane.abort.abort(new CodedError("OVERTAKEN", "conflict", "the column is not this miner's any more"));
  }
}

async function streamSegments(
  sending: ColumnsSending,
  segments: readonly SegmentManifest[],
  staged: StagedObject,
): Promise<void> {
  const inWindow = new Set<Promise<unknown>>();
  for (const [position, segment] of segments.entries()) {
    while (inWindow.size >= WINDOW) await Promise.race(inWindow);
    const live = sending.lanes.filter(({ isLive }) => isLive);
    if (live.length === 0) break;
    const encoded = await encodeFor(sending, live, segment, readerOf(staged, position));
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

/** The whole column once more, to one miner, while the others are being sent or are done. */
async function sendAlone(
  sending: ColumnsSending,
  lane: Lane,
  segments: readonly SegmentManifest[],
  staged: StagedObject,
): Promise<void> {
  try {
    for (const [position, segment] of segments.entries()) {
      if (!lane.isLive) return;
      const encoded = await encodeFor(sending, [lane], segment, readerOf(staged, position));
      const isLast = position === segments.length - 1;
      await sendFragment(sending, lane, { segment, encoded, isLast }).finally(() => encoded?.release());
    }
  } catch (thrown) {
    await dropLane(sending, lane, thrown);
  }
}

type SegmentReader = (into: Uint8Array, offset: number) => Promise<unknown>;

/** Reads a segment in pieces, each from its offset in it. */
const readerOf =
  (staged: StagedObject, position: number): SegmentReader =>
  (into, offset) =>
    staged.read(position * SEGMENT_BYTES + offset, into);

/** The rows that the live columns need; null when all of them are zeros, which travel by their name alone. */
async function encodeFor(
  { ports, stopping }: ColumnsSending,
  live: readonly Lane[],
  segment: SegmentManifest,
  read: SegmentReader,
): Promise<EncodedSegment | null> {
  const rows = live
    .filter(({ index }) => fragmentOf(segment, index) !== ZERO_FRAGMENT_HASH)
    .map(({ index }) => index - 1);
  if (rows.length === 0) return null;
  return ports.encoder.encode({ read, segmentHash: segment.hash, rows, signal: stopping });
}
