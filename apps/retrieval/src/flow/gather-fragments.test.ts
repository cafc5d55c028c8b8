import {
  type AccountId,
  CodedError,
  type Fid,
  type FragmentHash,
  type SegmentHash,
  ZERO_FRAGMENT_HASH,
} from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import type { Evidence, FragmentRequest, HedgeReason, ReadableSegment } from "../ports.js";
import { type GatherPorts, gatherFragments } from "./gather-fragments.js";

const fid = "f".repeat(64) as Fid;
const running = () => new AbortController().signal;
const hashOf = (row: number) => row.toString(16).padStart(64, "a") as FragmentHash;
const minerOf = (row: number) => `miner-${row}` as AccountId;

function segmentOf(zeroRows: readonly number[] = []): ReadableSegment {
  const fragments = Array.from({ length: 12 }, (_, row) => ({
    hash: zeroRows.includes(row) ? (ZERO_FRAGMENT_HASH as FragmentHash) : hashOf(row),
    miner: minerOf(row),
    isAvailable: true,
  }));
  return { hash: "5".repeat(64) as SegmentHash, fragments };
}

/** `deaf`: neither answers nor notices that nobody waits for it any more. */
type Answer = "good" | "gone" | "wrong" | { readonly afterMs: number } | "never" | "deaf";

/** Twelve miners of which each answers as told; counts what is under way. */
function fakeMiners(answers: readonly Answer[], hedgesMax = 100) {
  const signals = new Set<AbortSignal>();
  const seen = {
    asked: [] as number[],
    /** Requests that somebody waits for. */
    underWay: () => [...signals].filter(({ aborted }) => !aborted).length,
    most: 0,
    hedges: [] as HedgeReason[],
    evidence: [] as Evidence[],
  };

  async function fetch({ miner, into, signal }: FragmentRequest): Promise<void> {
    const row = Number(miner.slice("miner-".length));
    const answer = answers[row] as Answer;
    seen.asked.push(row);
    signals.add(signal);
    seen.most = Math.max(seen.most, seen.underWay());
    into[0] = BEGUN;
    try {
      if (answer === "gone") throw new CodedError("MINER_UNREACHABLE", "unavailable", "gone");
      if (answer === "wrong") throw new CodedError("FRAGMENT_DIGEST_MISMATCH", "corrupt", "wrong");
      if (answer === "deaf") await new Promise(() => {});
      if (answer !== "good") await wait(typeof answer === "object" ? answer.afterMs : 60_000, signal);
      into[0] = row;
    } finally {
      signals.delete(signal);
    }
  }

  const ports: GatherPorts = {
    directory: { endpoints: async (miners) => new Map(miners.map((miner) => [miner, "127.0.0.1:1"])) },
    fragments: { fetch },
    costs: {
      costOf: () => 1,
      hedgeAfterMs: () => 20,
      stuckAfterMs: () => 40,
      served: () => {},
      overtaken: () => {},
      failed: () => {},
    },
    hedgeBudget: { asked: () => {}, take: () => seen.hedges.filter((reason) => reason === "slow").length < hedgesMax },
    recordCorrupt: async (evidence) => void seen.evidence.push(evidence),
    observer: {
      fetched: () => {},
      hedged: (reason) => void seen.hedges.push(reason),
    },
  };
  return { ports, seen };
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

/** What is in a place of which nobody has asked anything yet, and where an answer has begun. */
const [UNTOUCHED, BEGUN] = [254, 255];
const newPlaces = () => Array.from({ length: 12 }, () => Uint8Array.of(UNTOUCHED));
const touchedIn = (places: readonly Uint8Array[]) => places.filter(([first]) => first !== UNTOUCHED).length;

/** The rows that were gathered, each of which must be where it is said to be, and data where they are in the segment. */
async function gather(
  ports: GatherPorts,
  { segment = segmentOf(), signal = running(), places = newPlaces() } = {},
): Promise<number[]> {
  const gathered = await gatherFragments(ports, fid, segment, places, signal);
  const isZero = (row: number) => segment.fragments[row]?.hash === ZERO_FRAGMENT_HASH;
  for (const { row, place } of gathered) {
    expect([row, places[place]?.[0]]).toEqual([row, isZero(row) ? 0 : row]);
    if (row < 4) expect(place).toBe(row);
    else expect(place).toBeGreaterThanOrEqual(4);
  }
  expect(new Set(gathered.map(({ place }) => place)).size).toBe(4);
  return gathered.map(({ row }) => row);
}

function* fourSubsets(): Generator<Set<number>> {
  for (let mask = 0; mask < 1 << 12; mask += 1) {
    const rows = Array.from({ length: 12 }, (_, row) => row).filter((row) => mask & (1 << row));
    if (rows.length === 4) yield new Set(rows);
  }
}

describe("gathering the fragments of a segment", () => {
  it("asks for the data fragments only where all is well, and touches no other memory", async () => {
    const { ports, seen } = fakeMiners(Array(12).fill("good"));
    const places = newPlaces();
    expect(await gather(ports, { places })).toEqual([0, 1, 2, 3]);
    expect([seen.asked, touchedIn(places)]).toEqual([[0, 1, 2, 3], 4]);
  });

  it("succeeds with each of the 495 sets of four, in the places of eight", async () => {
    let count = 0;
    for (const alive of fourSubsets()) {
      const { ports, seen } = fakeMiners(Array.from({ length: 12 }, (_, row) => (alive.has(row) ? "good" : "gone")));
      const places = newPlaces();
      expect(await gather(ports, { places })).toEqual([...alive]);
      expect(seen.underWay()).toBe(0);
      expect(touchedIn(places)).toBeLessThanOrEqual(8);
      count += 1;
    }
    expect(count).toBe(495);
  });

  it("gives up with three, and nobody is asked any more", async () => {
    const { ports, seen } = fakeMiners([...Array(9).fill("gone"), "good", "good", "good"]);
    const gathered = gather(ports);
    await expect(gathered).rejects.toMatchObject({ code: "FRAGMENTS_NOT_ENOUGH", category: "unavailable" });
    expect(seen.underWay()).toBe(0);
  });

  it("makes zeros itself", async () => {
    const { ports, seen } = fakeMiners(["gone", ...Array(11).fill("good")]);
    const rows = await gather(ports, { segment: segmentOf([1, 2, 3]) });
    expect(rows.slice(0, 3)).toEqual([1, 2, 3]);
    expect(seen.asked).toHaveLength(2);
  });

  it("puts wrong bytes on record, and nothing else", async () => {
    const { ports, seen } = fakeMiners(["wrong", "gone", "good", "good", "wrong", ...Array(7).fill("good")]);
    await gather(ports);
    const reason = "FRAGMENT_DIGEST_MISMATCH";
    expect(seen.evidence).toEqual([0, 4].map((row) => ({ fid, fragment: hashOf(row), miner: minerOf(row), reason })));
  });

  it("overtakes miners that stall, cancels them in the end, and never asks more than six at a time", async () => {
    const { ports, seen } = fakeMiners([...Array(8).fill("never"), ...Array(4).fill("good")]);
    const places = newPlaces();
    expect(await gather(ports, { places })).toEqual([8, 9, 10, 11]);
    expect(seen.most).toBeLessThanOrEqual(6);
    expect(touchedIn(places)).toBeLessThanOrEqual(10);
    expect(seen.hedges).toEqual(Array(8).fill("slow"));
    expect(seen.underWay()).toBe(0);
  });

  it("waits for none that it cancelled: some never end", async () => {
    const { ports, seen } = fakeMiners([...Array(8).fill("deaf"), ...Array(4).fill("good")]);
    expect(await gather(ports)).toEqual([8, 9, 10, 11]);
    expect([seen.asked.length, seen.underWay()]).toEqual([12, 0]);
    expect(seen.hedges).toEqual(Array(8).fill("slow"));
  });

  it("overtakes beyond its budget only those that are stuck", async () => {
    const answers: Answer[] = [...Array(4).fill("never"), ...Array(8).fill("good")];
    const { ports, seen } = fakeMiners(answers, 1);
    expect(await gather(ports)).toEqual([4, 5, 6, 7]);
    expect(seen.hedges).toEqual(["slow", "stuck", "stuck", "stuck"]);
  });

  it("asks those it cancelled again where all others are gone", async () => {
    const slow = { afterMs: 60 };
    const { ports, seen } = fakeMiners([
      slow,
      slow,
      slow,
      slow,
      "never",
      "never",
      "never",
      "never",
      ...Array(4).fill("gone"),
    ]);
    expect(await gather(ports)).toEqual([0, 1, 2, 3]);
    expect(seen.asked.length).toBeLessThanOrEqual(12 + 4);
  });

  it("does not count as slow whom nobody waits for any more", async () => {
    const { ports, seen } = fakeMiners(Array(12).fill("deaf"));
    const leaving = new AbortController();
    const gathered = gather(ports, { signal: leaving.signal });
    setImmediate(() => leaving.abort());
    await expect(gathered).rejects.toThrow();
    const hedged = seen.hedges.length;
    // Longer than the fakes' `stuckAfterMs`.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(seen.hedges).toHaveLength(hedged);
  });

  it("stops at once when its reader is gone, and lets go of everything", async () => {
    const { ports, seen } = fakeMiners(["good", ...Array(11).fill("never")]);
    const leaving = new AbortController();
    const gathered = gather(ports, { signal: leaving.signal });
    setTimeout(() => leaving.abort(), 10);
    await expect(gathered).rejects.toThrow();
    expect(seen.underWay()).toBe(0);
  });
});
