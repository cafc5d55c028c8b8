import type { StagedObject } from "@granary/blob-store";
import { fidOf } from "@granary/domain/object";
import type { SegmentDigests } from "@granary/erasure";
import { CodedError, FRAGMENTS_PER_SEGMENT, SEGMENT_BYTES, type SegmentHash, type UploadId } from "@granary/primitives";
import { silentLog } from "@granary/telemetry";
import { describe, expect, it } from "@jest/globals";
import type { Claim, EncodingStore, SegmentEncoder } from "../ports.js";
import { type EncodePorts, encodeObject } from "./encode-object.js";

const uploadId = "00000000-0000-4000-8000-000000000000" as UploadId;
const rules = { leaseMs: 60_000, attemptsMax: 3, backoffMs: 100 };
const running = () => new AbortController().signal;

const digestOfIndex = (index: number): SegmentHash => index.toString(16).padStart(64, "0") as SegmentHash;
const digestsOf = (index: number): SegmentDigests => ({
  segmentHash: digestOfIndex(index),
  fragmentHashes: Array(FRAGMENTS_PER_SEGMENT).fill(digestOfIndex(index)),
});

/** Postgres in memory: one encoding, whose claim can be taken away. */
function fakeStore(claim: Claim) {
  const saved = new Map<number, SegmentDigests>();
  const said: unknown[] = [];
  const state = { isHeld: true };
  const store: EncodingStore = {
    accept: async () => {},
    due: async () => [],
    show: async () => null,
    claim: async () => claim,
    renew: async () => state.isHeld,
    encodedIndices: async () => new Set(saved.keys()),
    saveSegment: async (_, index, digests) => void saved.set(index, digests),
    segments: async () =>
      [...saved.entries()]
        .sort(([a], [b]) => a - b)
        .map(([, { segmentHash, fragmentHashes }]) => ({ hash: segmentHash, fragments: fragmentHashes })),
    seal: async (_, fid) => said.push(["sealed", fid]) > 0,
    fail: async (_, { code }) => said.push(["failed", code]) > 0,
    retryAfter: async (_, delayMs) => void said.push(["retried", delayMs]),
    giveBack: async () => void said.push(["given back"]),
    standing: async () => null,
  };
  return { store, saved, said, state };
}

/** Two buffers; a segment's first byte is its index, which its digests then show. */
function fakeEncoder() {
  const seen = { free: 2, least: 2 };
  const encoder: SegmentEncoder = {
    take: async (signal) => {
      while (seen.free === 0) await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      seen.free -= 1;
      seen.least = Math.min(seen.least, seen.free);
      const quarters = [new Uint8Array(1)];
      const release = () => {
        seen.free += 1;
      };
      return { quarters, digest: async () => digestsOf(quarters[0]?.[0] as number), release };
    },
  };
  return { encoder, seen };
}

const stagedOf = (segmentCount: number, read?: StagedObject["read"]): EncodePorts["staging"] => ({
  open: async () => ({
    sizeBytes: segmentCount * SEGMENT_BYTES,
    close: async () => {},
    read: read ?? (async (offset, into) => into.fill(offset / SEGMENT_BYTES).length),
  }),
});

const claimOf = (segmentCount: number, attempt = 1): Claim => {
  const bytes = segmentCount * SEGMENT_BYTES;
  return { uploadId, sizeBytes: bytes, stagedBytes: bytes, segmentCount, attempt };
};

const diskError = () => Object.assign(new Error("EIO: i/o error, read"), { code: "EIO", syscall: "read" });

describe("encoding an object", () => {
  it("seals the FID of all segments, in order, with no more buffers than there are", async () => {
    const { store, said } = fakeStore(claimOf(9));
    const { encoder, seen } = fakeEncoder();
    const ports = { encodings: store, staging: stagedOf(9), encoder, log: silentLog };
    expect(await encodeObject(ports, rules, uploadId, running())).toBe("encoded");
    expect(said).toEqual([["sealed", fidOf(Array.from({ length: 9 }, (_, i) => digestOfIndex(i)))]]);
    expect(seen).toEqual({ free: 2, least: 0 });
  });

  it("reads only the segments that an earlier attempt has not saved", async () => {
    const { store, saved } = fakeStore(claimOf(5));
    for (const index of [0, 1, 3]) saved.set(index, digestsOf(index));
    const offsets: number[] = [];
    const staging = stagedOf(5, async (offset, into) => {
      offsets.push(offset / SEGMENT_BYTES);
      return into.fill(offset / SEGMENT_BYTES).length;
    });
    const ports = { encodings: store, staging, encoder: fakeEncoder().encoder, log: silentLog };
    expect(await encodeObject(ports, rules, uploadId, running())).toBe("encoded");
    expect(offsets).toEqual([2, 4]);
  });

  it("tries a failing disk again, later each time, and fails the upload after the last attempt", async () => {
    const staging = stagedOf(2, () => Promise.reject(diskError()));
    const outcomes = [];
    for (const attempt of [1, 2, 3]) {
      const { store, said } = fakeStore(claimOf(2, attempt));
      const { encoder, seen } = fakeEncoder();
      outcomes.push(
        await encodeObject({ encodings: store, staging, encoder, log: silentLog }, rules, uploadId, running()),
      );
      outcomes.push(...said);
      expect(seen.free).toBe(2);
    }
    const retries = ["retried", ["retried", 100], "retried", ["retried", 200]];
    expect(outcomes).toEqual([...retries, "failed", ["failed", "STAGED_READ_FAILED"]]);
  });

  it.each([
    [
      "absent bytes",
      { open: () => Promise.reject(new CodedError("STAGED_OBJECT_ABSENT", "absent", "gone")) },
      "STAGED_OBJECT_ABSENT",
    ],
    ["too few bytes", stagedOf(1), "STAGED_OBJECT_TRUNCATED"],
    ["too many bytes", stagedOf(3), "STAGED_OBJECT_OVERLONG"],
  ])("fails an upload with %s at the first attempt", async (_, staging, code) => {
    const { store, said } = fakeStore(claimOf(2));
    const ports = { encodings: store, staging, encoder: fakeEncoder().encoder, log: silentLog };
    expect(await encodeObject(ports, rules, uploadId, running())).toBe("failed");
    expect(said).toEqual([["failed", code]]);
  });

  it("says nothing after it has lost its lease", async () => {
    const { store, said, state } = fakeStore(claimOf(2));
    const staging = stagedOf(2, async (_, into) => {
      state.isHeld = false;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return into.length;
    });
    const ports = { encodings: store, staging, encoder: fakeEncoder().encoder, log: silentLog };
    expect(await encodeObject(ports, { ...rules, leaseMs: 40 }, uploadId, running())).toBe("interrupted");
    expect(said).toEqual([]);
  });

  it("gives the encoding back when the service stops, and keeps what it saved", async () => {
    const { store, said, saved } = fakeStore(claimOf(6));
    const stopping = new AbortController();
    const staging = stagedOf(6, async (offset, into) => {
      if (offset === 2 * SEGMENT_BYTES) stopping.abort();
      return into.fill(offset / SEGMENT_BYTES).length;
    });
    const ports = { encodings: store, staging, encoder: fakeEncoder().encoder, log: silentLog };
    expect(await encodeObject(ports, rules, uploadId, stopping.signal)).toBe("interrupted");
    expect(said).toEqual([["given back"]]);
    expect([...saved.keys()]).toEqual([0, 1, 2]);
  });
});
