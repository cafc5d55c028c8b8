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

type Answer = "good" | "gone" | "wrong" | { readonly afterMs: number } | "never";

/** Twelve miners of which each answers as told; counts what is in memory. */
function fakeMiners(answers: readonly Answer[], hedgesMax = 100) {
  const seen = {
    inMemory: 0,
    most: 0,
    asked: [] as number[],
    underWay: 0,
    hedges: [] as HedgeReason[],
    evidence: [] as Evidence[],
  };
  const put = (change: number) => {
    seen.inMemory += change;
    seen.most = Math.max(seen.most, seen.inMemory);
  };

  async function fetch({ miner, signal }: FragmentRequest): Promise<ArrayBuffer> {
    const row = Number(miner.slice("miner-".length));
    const answer = answers[row] as Answer;
    seen.asked.push(row);
    seen.underWay += 1;
    put(1);
    try {
      if (answer === "gone") throw new CodedError("MINER_UNREACHABLE", "unavailable", "gone");
      if (answer === "wrong") throw new CodedError("FRAGMENT_DIGEST_MISMATCH", "corrupt", "wrong");
      if (answer !== "good") await wait(answer === "never" ? 60_000 : answer.afterMs, signal);
      return new Uint8Array([row]).buffer;
    } catch (error) {
      put(-1);
      throw error;
    } finally {
      seen.underWay -= 1;
    }
  }

  const ports: GatherPorts = {
    directory: { endpoints: async (miners) => new Map(miners.map((miner) => [miner, "127.0.0.1:1"])) },
    fragments: { fetch, recycle: () => put(-1) },
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

const rowsOf = (fragments: readonly { row: number }[]) => fragments.map(({ row }) => row);

function* fourSubsets(): Generator<Set<number>> {
  for (let mask = 0; mask < 1 << 12; mask += 1) {
    const rows = Array.from({ length: 12 }, (_, row) => row).filter((row) => mask & (1 << row));
    if (rows.length === 4) yield new Set(rows);
  }
}

describe("gathering the fragments of a segment", () => {
  it("asks for the data fragments only where all is well", async () => {
    const { ports, seen } = fakeMiners(Array(12).fill("good"));
    expect(rowsOf(await gatherFragments(ports, fid, segmentOf(), running()))).toEqual([0, 1, 2, 3]);
    expect(seen.asked).toEqual([0, 1, 2, 3]);
  });

  it("succeeds with each of the 495 sets of four", async () => {
    let count = 0;
    for (const alive of fourSubsets()) {
      const { ports, seen } = fakeMiners(Array.from({ length: 12 }, (_, row) => (alive.has(row) ? "good" : "gone")));
      expect(rowsOf(await gatherFragments(ports, fid, segmentOf(), running()))).toEqual([...alive]);
      expect(seen.inMemory).toBe(4);
      count += 1;
    }
    expect(count).toBe(495);
  });

  it("gives up with three, and keeps no memory", async () => {
    const { ports, seen } = fakeMiners([...Array(9).fill("gone"), "good", "good", "good"]);
    const gathered = gatherFragments(ports, fid, segmentOf(), running());
    await expect(gathered).rejects.toMatchObject({ code: "FRAGMENTS_NOT_ENOUGH", category: "unavailable" });
    expect(seen.inMemory).toBe(0);
  });

  it("makes zeros itself", async () => {
    const { ports, seen } = fakeMiners(["gone", ...Array(11).fill("good")]);
    const gathered = await gatherFragments(ports, fid, segmentOf([1, 2, 3]), running());
    expect(rowsOf(gathered).slice(0, 3)).toEqual([1, 2, 3]);
    expect(seen.asked).toHaveLength(2);
  });

  it("puts wrong bytes on record, and nothing else", async () => {
    const { ports, seen } = fakeMiners(["wrong", "gone", "good", "good", "wrong", ...Array(7).fill("good")]);
    await gatherFragments(ports, fid, segmentOf(), running());
    const reason = "FRAGMENT_DIGEST_MISMATCH";
    expect(seen.evidence).toEqual([0, 4].map((row) => ({ fid, fragment: hashOf(row), miner: minerOf(row), reason })));
  });

  it("overtakes miners that stall, cancels them in the end, and never holds more than six fragments", async () => {
    const { ports, seen } = fakeMiners([...Array(8).fill("never"), ...Array(4).fill("good")]);
    expect(rowsOf(await gatherFragments(ports, fid, segmentOf(), running()))).toEqual([8, 9, 10, 11]);
    expect(seen.most).toBeLessThanOrEqual(6);
    expect(seen.hedges).toEqual(Array(8).fill("slow"));
    await new Promise((resolve) => setImmediate(resolve));
    expect([seen.underWay, seen.inMemory]).toEqual([0, 4]);
  });

  it("overtakes beyond its budget only those that are stuck", async () => {
    const answers: Answer[] = [...Array(4).fill("never"), ...Array(8).fill("good")];
    const { ports, seen } = fakeMiners(answers, 1);
    expect(rowsOf(await gatherFragments(ports, fid, segmentOf(), running()))).toEqual([4, 5, 6, 7]);
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
    expect(rowsOf(await gatherFragments(ports, fid, segmentOf(), running()))).toEqual([0, 1, 2, 3]);
    expect(seen.asked.length).toBeLessThanOrEqual(12 + 4);
  });

  it("stops at once when its reader is gone, and lets go of everything", async () => {
    const { ports, seen } = fakeMiners(["good", ...Array(11).fill("never")]);
    const leaving = new AbortController();
    const gathered = gatherFragments(ports, fid, segmentOf(), leaving.signal);
    setTimeout(() => leaving.abort(), 10);
    await expect(gathered).rejects.toThrow();
    await new Promise((resolve) => setImmediate(resolve));
    expect([seen.underWay, seen.inMemory]).toEqual([0, 0]);
  });
});
