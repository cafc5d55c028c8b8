import { createHash } from "node:crypto";
import { asCodedError, CodedError, copyBytes, type Fid, FRAGMENT_BYTES, SEGMENT_BYTES } from "@granary/primitives";
import type { Backing, Loaded, SegmentCache, SliceDigests } from "../flow/load-segment.js";
import type { ReadableObject, ReadableSegment, SegmentHandle, Segments } from "../ports.js";
import { DIGEST_BYTES, SLICE_BYTES } from "./slice.js";

/** A stored segment that turns out to be rotten or gone is loaded again this often for one read. */
const RELOADS_MAX = 3;

const hashAt = (object: ReadableObject, { index }: { index: number }) =>
  (object.segments[index] as ReadableSegment).hash;

interface Entry {
  object: ReadableObject;
  readonly index: number;
  readonly stop: AbortController;
  /** Readers, and the writer that puts it into the cache. */
  holders: number;
  /** Its memory is being written to the cache. */
  isKeeping: boolean;
  ready: Promise<Loaded>;
  current: Loaded | null;
}

export interface SharedSegmentsOptions {
  readonly load: (object: ReadableObject, index: number, signal: AbortSignal) => Promise<Loaded>;
  /** Where the object is, asked anew. */
  readonly findAgain: (fid: Fid) => Promise<ReadableObject>;
  readonly cache: SegmentCache;
  /** Whether loading would have to wait for memory. */
  readonly isCrowded: () => boolean;
}

/**
 * The segments that are being read now. Readers of the same one share one load and one copy. A segment that came from
 * miners is in memory only until it is in the cache; then all its readers, however slow, read slices from there.
 */
export function createSharedSegments(options: SharedSegmentsOptions): Segments & {
  /** Takes the memory of a segment that no cache could take over; its readers load it again when they go on. */
  yieldMemory(): void;
} {
  const entries = new Map<string, Entry>();
  const keyOf = (object: ReadableObject, index: number) =>
    `${object.fid}/${(object.segments[index] as ReadableSegment).hash}`;

  function begin(entry: Entry, loading: Promise<Loaded>): void {
    entry.current = null;
    entry.ready = loading.then((loaded) => {
      entry.current = loaded;
      if (loaded.memory !== null && entry.holders > 0) void keep(entry, loaded);
      return loaded;
    });
    entry.ready.catch(() => undefined);
  }

  /** As load; but where what we thought of the object does not hold any more, it is looked for once more. */
  async function loadFresh(entry: Entry): Promise<Loaded> {
    try {
      return await options.load(entry.object, entry.index, entry.stop.signal);
    } catch (error) {
      if (entry.object.staged === null || asCodedError(error).code !== "FRAGMENTS_NOT_ENOUGH") throw error;
      await lookAgain(entry);
      return options.load(entry.object, entry.index, entry.stop.signal);
    }
  }

  /** A FID does not determine its object: the bytes of two that share one are never mixed. */
  async function lookAgain(entry: Entry): Promise<void> {
    const again = await options.findAgain(entry.object.fid);
    const isSame =
      again.segments.length === entry.object.segments.length && hashAt(again, entry) === hashAt(entry.object, entry);
    if (!isSame) throw new CodedError("OBJECT_CHANGED", "conflict", "another object has taken this one's name");
    entry.object = again;
  }

  async function keep(entry: Entry, loaded: Loaded): Promise<void> {
    const { memory } = loaded;
    if (memory === null) return;
    entry.holders += 1;
    entry.isKeeping = true;
    const hash = hashAt(entry.object, entry);
    try {
      if (!(await options.cache.keep(hash, memory.data))) return;
      const backing = await options.cache.open(hash);
      if (backing === null) return;
      entry.current = { ...loaded, memory: null, backing };
      memory.release();
    } finally {
      entry.isKeeping = false;
      letGo(entry);
    }
  }

  function letGo(entry: Entry): void {
    entry.holders -= 1;
    if (entry.holders > 0) return;
    const key = keyOf(entry.object, entry.index);
    if (entries.get(key) === entry) entries.delete(key);
    entry.stop.abort();
    entry.ready.then(
      () => dispose(entry),
      () => undefined,
    );
  }

  function dispose(entry: Entry): void {
    entry.current?.memory?.release();
    entry.current?.backing?.close().catch(() => undefined);
    entry.current = null;
  }

  function join(object: ReadableObject, index: number): Entry {
    const key = keyOf(object, index);
    const known = entries.get(key);
    if (known !== undefined) {
      known.holders += 1;
      return known;
    }
    const stop = new AbortController();
    const entry: Entry = { object, index, stop, holders: 1, isKeeping: false, ready: Promise.reject(), current: null };
    entry.ready.catch(() => undefined);
    entries.set(key, entry);
    begin(entry, loadFresh(entry));
    entry.ready.catch(() => {
      if (entries.get(key) === entry) entries.delete(key);
    });
    return entry;
  }

  async function open(object: ReadableObject, index: number, signal: AbortSignal): Promise<SegmentHandle> {
    signal.throwIfAborted();
    const entry = join(object, index);
    let isOpen = true;
    const close = () => {
      if (!isOpen) return;
      isOpen = false;
      signal.removeEventListener("abort", close);
      letGo(entry);
    };
    signal.addEventListener("abort", close);
    try {
      const { source } = await untilAborted(entry.ready, signal);
      return { source, close, read: (start, end) => read(entry, start, end) };
    } catch (error) {
      close();
      throw error;
    }
  }

  async function read(entry: Entry, start: number, end: number): Promise<Uint8Array> {
    for (let reloads = 0; ; reloads += 1) {
      if (entry.current === null) await entry.ready;
      const loaded = entry.current;
      if (loaded === null) throw new CodedError("SEGMENT_CLOSED", "bug", "a segment was read after it was closed");
      // A copy: the buffer may be used for another segment before this one has gone out.
      if (loaded.memory !== null) return copyOf(loaded.memory.data, start, end);
      try {
        if (loaded.backing !== null) return await readChecked(loaded.backing, loaded.slices, start, end);
      } catch (error) {
        if (reloads >= RELOADS_MAX || entry.stop.signal.aborted) throw error;
      }
      if (entry.current === loaded) begin(entry, reload(entry, loaded));
    }
  }

  async function reload(entry: Entry, bad: Loaded): Promise<Loaded> {
    await bad.backing?.close().catch(() => undefined);
    if (bad.backing !== null && bad.source !== "staged") {
      await options.cache.drop(hashAt(entry.object, entry));
    }
    if (bad.source === "staged") await lookAgain(entry);
    return loadFresh(entry);
  }

  return {
    open,
    prefetch: (object, index, signal) => {
      if (!entries.has(keyOf(object, index)) && options.isCrowded()) return null;
      const ahead = open(object, index, signal);
      ahead.catch(() => undefined);
      return ahead;
    },
    yieldMemory() {
      for (const entry of entries.values()) {
        const { current } = entry;
        if (current?.memory == null || entry.isKeeping) continue;
        entry.current = { ...current, memory: null };
        current.memory.release();
        return;
      }
    },
  };
}

/** Bytes `start` to `end` of the segment, in memory of their own. */
function copyOf(data: readonly Uint8Array[], start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(end - start);
  for (let from = start; from < end; ) {
    const offset = from % FRAGMENT_BYTES;
    const place = data[(from - offset) / FRAGMENT_BYTES] as Uint8Array;
    const part = place.subarray(offset, offset + end - from);
    copyBytes(part, bytes, from - start);
    from += part.length;
  }
  return bytes;
}

/** The slices that the range touches, each compared with its digest. @throws CodedError SEGMENT_CORRUPT (corrupt) */
async function readChecked(backing: Backing, slices: SliceDigests, start: number, end: number): Promise<Uint8Array> {
  const from = start - (start % SLICE_BYTES);
  const to = Math.min(SEGMENT_BYTES, Math.ceil(end / SLICE_BYTES) * SLICE_BYTES);
  const bytes = new Uint8Array(to - from);
  await backing.read(from, bytes);
  for (let offset = 0; offset < bytes.length; offset += SLICE_BYTES) {
    const digest = createHash("sha256")
      .update(bytes.subarray(offset, offset + SLICE_BYTES))
      .digest();
    const at = ((from + offset) / SLICE_BYTES) * DIGEST_BYTES;
    if (Buffer.compare(digest, slices.subarray(at, at + DIGEST_BYTES)) !== 0) {
      throw new CodedError("SEGMENT_CORRUPT", "corrupt", "stored bytes have changed since they were verified");
    }
  }
  return bytes.subarray(start - from, end - from);
}

function untilAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}
