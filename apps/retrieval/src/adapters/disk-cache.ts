import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { asCodedError, CodedError, isDigest, SEGMENT_BYTES, type SegmentHash } from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import type { Backing, SegmentCache } from "../flow/load-segment.js";

/** After the disk has refused, it is left alone for a while. */
const PAUSE_MS = 30_000;
/** How exactly the order of use is known to the process that comes after this one. */
const TOUCH_EVERY_MS = 60_000;

export interface DiskCache extends SegmentCache {
  bytes(): number;
}

/**
 * Verified segments in files named by their hash, least recently used dropped first. The folder is this process's own.
 * A file is written beside its place and renamed; what a crash leaves of it is swept at the next start. Nothing here is
 * trusted because it is here: readers check every slice.
 */
export async function createDiskCache(options: {
  readonly folder: string;
  readonly bytesMax: number;
  readonly log: Log;
  readonly looked?: (outcome: "hit" | "miss" | "dropped") => void;
}): Promise<DiskCache> {
  const { folder, bytesMax, log, looked = () => {} } = options;
  const segments = path.join(folder, "segments");
  const unfinished = path.join(folder, "unfinished");
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  await mkdir(segments, { recursive: true });
  /** Least recently used first; the value is when the file's time was last set. */
  const kept = new Map<SegmentHash, number>(await scan(segments));
  let writing = 0;
  let pausedUntil = 0;

  const fileOf = (hash: SegmentHash) => path.join(segments, hash);
  const bytes = () => (kept.size + writing) * SEGMENT_BYTES;

  async function drop(hash: SegmentHash): Promise<void> {
    kept.delete(hash);
    await rm(fileOf(hash), { force: true });
  }

  async function makeRoom(): Promise<void> {
    for (const hash of kept.keys()) {
      if (bytes() <= bytesMax) return;
      await drop(hash);
    }
  }

  /** Moves it to the end of the order. */
  function use(hash: SegmentHash): void {
    const now = Date.now();
    const touchedAt = kept.get(hash) ?? 0;
    const isDue = now - touchedAt > TOUCH_EVERY_MS;
    kept.delete(hash);
    kept.set(hash, isDue ? now : touchedAt);
    if (isDue) utimes(fileOf(hash), new Date(now), new Date(now)).catch(() => undefined);
  }

  await makeRoom();
  return {
    bytes,

    async open(hash) {
      if (!kept.has(hash)) {
        looked("miss");
        return null;
      }
      try {
        const backing = openBacking(await open(fileOf(hash), "r"));
        if (kept.has(hash)) use(hash);
        looked("hit");
        return backing;
      } catch (error) {
        log.thrown("a cached segment cannot be opened", error);
        kept.delete(hash);
        looked("miss");
        return null;
      }
    },

    async keep(hash, parts) {
      if (kept.has(hash)) return true;
      if (bytesMax < SEGMENT_BYTES || Date.now() < pausedUntil) return false;
      const temporary = path.join(unfinished, randomUUID());
      writing += 1;
      try {
        await makeRoom();
        if (bytes() > bytesMax) return false;
        await writeFile(temporary, parts, { flag: "wx" });
        await rename(temporary, fileOf(hash));
        kept.set(hash, Date.now());
        return true;
      } catch (error) {
        pausedUntil = Date.now() + PAUSE_MS;
        log.warn("the cache cannot be written; segments are served without it", {
          reason: asCodedError(error).message,
        });
        await rm(temporary, { force: true }).catch(() => undefined);
        return false;
      } finally {
        writing -= 1;
      }
    },

    async drop(hash) {
      looked("dropped");
      await drop(hash);
    },
  };
}

/** What an earlier process left, in the order of its use. What is not whole goes. */
async function scan(segments: string): Promise<[SegmentHash, number][]> {
  const found: [SegmentHash, number][] = [];
  for (const name of await readdir(segments)) {
    const file = path.join(segments, name);
    const { size, mtimeMs } = await stat(file);
    if (isDigest(name) && size === SEGMENT_BYTES) found.push([name as SegmentHash, mtimeMs]);
    else await rm(file, { recursive: true, force: true });
  }
  return found.sort(([, a], [, b]) => a - b);
}

function openBacking(handle: FileHandle): Backing {
  return {
    async read(offset, into) {
      for (let filled = 0; filled < into.length; ) {
        const { bytesRead } = await handle.read(into, filled, into.length - filled, offset + filled);
        if (bytesRead === 0) throw new CodedError("SEGMENT_CORRUPT", "corrupt", "a cached segment became shorter");
        filled += bytesRead;
      }
    },
    close: () => handle.close(),
  };
}
