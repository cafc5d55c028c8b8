import type { BlobStore } from "@granary/blob-store";
import {
  asCodedError,
  CodedError,
  FRAGMENT_BYTES,
  SEGMENT_BYTES,
  type SegmentHash,
  type UploadId,
} from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import type { ReadableObject, ReadableSegment, Source } from "../ports.js";
import { type Gathered, type GatherPorts, gatherFragments } from "./gather-fragments.js";

/** Digests of the slices of a segment whose own hash was right: what a slice that is read later is checked against. */
export type SliceDigests = Uint8Array;

/** Bytes of a segment that lie somewhere else than in memory. */
export interface Backing {
  read(offset: number, into: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** A segment's memory, one of a fixed number; other threads see it too. */
export interface SegmentBuffer {
  /** Which of them it is. */
  readonly index: number;
  /** Twelve, of a fragment each. */
  readonly places: readonly Uint8Array[];
  /** The first four of them, which are the segment. */
  readonly data: readonly Uint8Array[];
  release(): void;
}

export interface Verified {
  readonly hash: string;
  readonly slices: SliceDigests;
}

/** Hashing and rebuilding, off the main thread, where the bytes lie. */
export interface Rebuilder {
  verify(buffer: SegmentBuffer): Promise<Verified>;
  /** Makes the segment whole from four fragments in its places. */
  assemble(buffer: SegmentBuffer, gathered: readonly Gathered[]): Promise<Verified>;
}

export interface SegmentCache {
  /** Null when it does not have it. */
  open(hash: SegmentHash): Promise<Backing | null>;
  /** Keeps the bytes, one part behind the other, if it can. @returns whether it did */
  keep(hash: SegmentHash, parts: readonly Uint8Array[]): Promise<boolean>;
  /** Forgets what turned out to be rotten. */
  drop(hash: SegmentHash): Promise<void>;
}

export interface LoadPorts extends GatherPorts {
  readonly cache: SegmentCache;
  readonly staging: Pick<BlobStore, "open">;
  readonly rebuilder: Rebuilder;
  /** Waits for one of a fixed number of buffers. */
  readonly takeBuffer: (signal: AbortSignal) => Promise<SegmentBuffer>;
  /** Digests of slices by segment, of segments seen before. */
  readonly known: {
    get(hash: SegmentHash): SliceDigests | undefined;
    set(hash: SegmentHash, slices: SliceDigests): void;
  };
  readonly log: Log;
}

/** A segment ready to be read: `memory` where it is nowhere else (yet), `backing` where it can be read from. */
export interface Loaded {
  readonly source: Source;
  readonly slices: SliceDigests;
  readonly memory: SegmentBuffer | null;
  readonly backing: Backing | null;
}

/**
 * Brings a segment: out of the cache, from staged bytes, from the miners, in this order. Whatever its source, its
 * hash was compared before this returns; what is wrong is dropped and the next source tried.
 * @throws CodedError FRAGMENTS_NOT_ENOUGH (unavailable), SEGMENT_CORRUPT (corrupt)
 */
export async function loadSegment(
  ports: LoadPorts,
  object: ReadableObject,
  index: number,
  signal: AbortSignal,
): Promise<Loaded> {
  const segment = object.segments[index] as ReadableSegment;
  const cached = await ports.cache.open(segment.hash);
  if (cached !== null) {
    const slices = await checkBacking(ports, segment.hash, cached, signal);
    if (slices !== null) return { source: "cache", slices, memory: null, backing: cached };
    await ports.cache.drop(segment.hash);
  }
  const staged = object.staged === null ? null : await openStaged(ports, object.staged, index);
  if (staged !== null) {
    const slices = await checkBacking(ports, segment.hash, staged, signal);
    if (slices !== null) return { source: "staged", slices, memory: null, backing: staged };
  }
  return gather(ports, object, segment, signal);
}

/** The digests of its slices where the backing holds the segment; else closes it and returns null. */
async function checkBacking(
  ports: LoadPorts,
  hash: SegmentHash,
  backing: Backing,
  signal: AbortSignal,
): Promise<SliceDigests | null> {
  const known = ports.known.get(hash);
  if (known !== undefined) return known;
  try {
    const buffer = await ports.takeBuffer(signal);
    try {
      for (const [row, place] of buffer.data.entries()) await backing.read(row * FRAGMENT_BYTES, place);
      const verified = await ports.rebuilder.verify(buffer);
      if (verified.hash === hash) {
        ports.known.set(hash, verified.slices);
        return verified.slices;
      }
      throw new CodedError("SEGMENT_CORRUPT", "corrupt", "stored bytes are not the segment that they should be", {
        hash,
      });
    } finally {
      buffer.release();
    }
  } catch (error) {
    await backing.close();
    signal.throwIfAborted();
    ports.log.thrown("a stored segment cannot be used", error);
    return null;
  }
}

async function openStaged(ports: LoadPorts, uploadId: UploadId, index: number): Promise<Backing | null> {
  try {
    const staged = await ports.staging.open(uploadId);
    return {
      read: async (offset, into) => void (await staged.read(index * SEGMENT_BYTES + offset, into)),
      close: () => staged.close(),
    };
  } catch (error) {
    // Released meanwhile: then the file is active, and the miners have it.
    if (asCodedError(error).category !== "absent")
      ports.log.thrown("staged bytes cannot be opened", error, { uploadId });
    return null;
  }
}

async function gather(
  ports: LoadPorts,
  object: ReadableObject,
  segment: ReadableSegment,
  signal: AbortSignal,
): Promise<Loaded> {
  const buffer = await ports.takeBuffer(signal);
  try {
    const gathered = await gatherFragments(ports, object.fid, segment, buffer.places, signal);
    const { hash, slices } = await ports.rebuilder.assemble(buffer, gathered);
    if (hash !== segment.hash) {
      // Each fragment was what the chain says: it is the declaration itself that is wrong.
      const what = "the fragments on chain do not make up their segment";
      throw new CodedError("SEGMENT_CORRUPT", "corrupt", what, { fid: object.fid, segment: segment.hash });
    }
    ports.known.set(segment.hash, slices);
    return { source: "miners", slices, memory: buffer, backing: null };
  } catch (error) {
    buffer.release();
    throw error;
  }
}
