import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Fid, FRAGMENT_BYTES, type FragmentHash, isDigest, KiB, MiB } from "@granary/primitives";
import type { FragmentStore, IncomingFragment, OpenFragment } from "../ports.js";

/**
 * A miner's folder: `report/<fid>/<hash>` for fragments of open deals, `file/<fid>/<hash>` for those of complete files,
 * `tmp` for what is arriving. Names are digests that were checked, so no request can name a path. A fragment gets its
 * name only when its bytes are durable; after a crash the folders are the truth, and memory is filled from them.
 */
export async function openFragmentStore(dir: string): Promise<FragmentStore> {
  const store = new FolderStore(dir);
  await store.rescan();
  return store;
}

type Place = "report" | "file";
interface Holding {
  readonly report: Set<FragmentHash>;
  readonly file: Set<FragmentHash>;
}

const READ_BYTES = 256 * KiB;
/** Chunks from the network are gathered to writes of about this size. */
const WRITE_BYTES = MiB;
const nothing: ReadonlySet<FragmentHash> = new Set();

class FolderStore implements FragmentStore {
  private readonly holdings = new Map<Fid, Holding>();
  /** The last change of each FID's folders: changes of one FID go one after another, or memory and disk would part. */
  private readonly changes = new Map<Fid, Promise<void>>();

  constructor(private readonly dir: string) {}

  get fids(): readonly Fid[] {
    return [...this.holdings.keys()];
  }

  held(fid: Fid): ReadonlySet<FragmentHash> {
    const holding = this.holdings.get(fid);
    if (holding === undefined) return nothing;
    if (holding.file.size === 0) return holding.report;
    return new Set([...holding.file, ...holding.report]);
  }

  isKept(fid: Fid): boolean {
    const holding = this.holdings.get(fid);
    return holding !== undefined && holding.report.size === 0 && holding.file.size > 0;
  }

  async receive(fid: Fid, fragment: FragmentHash): Promise<IncomingFragment> {
    const temporary = join(this.dir, "tmp", randomUUID());
    const file = await open(temporary, "wx");
    const pending: Uint8Array[] = [];
    let pendingBytes = 0;
    const flush = async (): Promise<void> => {
      const chunks = pending.splice(0);
      pendingBytes = 0;
      if (chunks.length > 0) await writeAll(file, chunks);
    };
    return {
      write: async (chunk) => {
        pending.push(chunk);
        pendingBytes += chunk.length;
        if (pendingBytes >= WRITE_BYTES) await flush();
      },
      commit: async () => {
        await flush();
        await file.sync();
        await file.close();
        await this.change(fid, () => this.place(temporary, fid, fragment));
      },
      discard: async () => {
        await file.close().catch(() => undefined);
        await rm(temporary, { force: true });
      },
    };
  }

  async makeZeros(fid: Fid, fragment: FragmentHash): Promise<void> {
    const temporary = join(this.dir, "tmp", randomUUID());
    const file = await open(temporary, "wx");
    try {
      await file.truncate(FRAGMENT_BYTES);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.change(fid, () => this.place(temporary, fid, fragment));
  }

  async open(fid: Fid, fragment: FragmentHash): Promise<OpenFragment | null> {
    const holding = this.holdings.get(fid);
    for (const place of ["file", "report"] as const) {
      if (holding?.[place].has(fragment) !== true) continue;
      const file = await openIfThere(this.pathOf(place, fid, fragment));
      if (file !== null) return openFragment(file);
    }
    return null;
  }

  keep(fid: Fid, fragments: ReadonlySet<FragmentHash>): Promise<void> {
    return this.change(fid, () => this.moveToFile(fid, fragments));
  }

  drop(fid: Fid): Promise<void> {
    return this.change(fid, () => this.remove(fid));
  }

  private async moveToFile(fid: Fid, fragments: ReadonlySet<FragmentHash>): Promise<void> {
    const holding = this.holdings.get(fid);
    if (holding === undefined || this.isKept(fid)) return;
    await mkdir(join(this.dir, "file", fid), { recursive: true });
    for (const fragment of [...holding.report].filter((one) => fragments.has(one))) {
      await rename(this.pathOf("report", fid, fragment), this.pathOf("file", fid, fragment));
      holding.file.add(fragment);
      holding.report.delete(fragment);
    }
    await syncFolder(join(this.dir, "file", fid));
    await syncFolder(join(this.dir, "file"));
    holding.report.clear();
    await rm(join(this.dir, "report", fid), { recursive: true, force: true });
    if (holding.file.size === 0) await this.remove(fid);
  }

  private async remove(fid: Fid): Promise<void> {
    this.holdings.delete(fid);
    for (const place of ["report", "file"] as const) {
      await rm(join(this.dir, place, fid), { recursive: true, force: true });
    }
  }

  /** Fills memory from the folders. What a crash left unfinished is removed. */
  async rescan(): Promise<void> {
    await rm(join(this.dir, "tmp"), { recursive: true, force: true });
    for (const folder of ["tmp", "report", "file"]) await mkdir(join(this.dir, folder), { recursive: true });
    for (const place of ["report", "file"] as const) {
      for (const fid of await readdir(join(this.dir, place))) {
        if (!isDigest(fid)) continue;
        for (const name of await readdir(join(this.dir, place, fid)))
          await this.rescanFragment(place, fid as Fid, name);
      }
    }
  }

  private async rescanFragment(place: Place, fid: Fid, name: string): Promise<void> {
    const path = join(this.dir, place, fid, name);
    const isWhole = isDigest(name) && (await stat(path)).size === FRAGMENT_BYTES;
    if (isWhole) this.holding(fid)[place].add(name as FragmentHash);
    else await rm(path, { recursive: true, force: true });
  }

  private async place(temporary: string, fid: Fid, fragment: FragmentHash): Promise<void> {
    const folder = join(this.dir, "report", fid);
    await mkdir(folder, { recursive: true });
    await rename(temporary, join(folder, fragment));
    await syncFolder(folder);
    await syncFolder(join(this.dir, "report"));
    this.holding(fid).report.add(fragment);
  }

  private change(fid: Fid, apply: () => Promise<void>): Promise<void> {
    const applied = (this.changes.get(fid) ?? Promise.resolve()).then(apply);
    const settled = applied.catch(() => undefined);
    this.changes.set(fid, settled);
    void settled.then(() => {
      if (this.changes.get(fid) === settled) this.changes.delete(fid);
    });
    return applied;
  }

  private holding(fid: Fid): Holding {
    const known = this.holdings.get(fid);
    if (known !== undefined) return known;
    const fresh: Holding = { report: new Set(), file: new Set() };
    this.holdings.set(fid, fresh);
    return fresh;
  }

  private pathOf(place: Place, fid: Fid, fragment: FragmentHash): string {
    return join(this.dir, place, fid, fragment);
  }
}

/** writev may write less than it was given. */
async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  const expected = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const { bytesWritten } = await file.writev([...chunks]);
  if (bytesWritten < expected) await file.writeFile(Buffer.concat(chunks).subarray(bytesWritten));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, "r");
  } catch (error) {
    // Moved or dropped since memory was asked.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

const openFragment = (file: FileHandle): OpenFragment => ({
  sizeBytes: FRAGMENT_BYTES,
  close: () => file.close(),
  async *read(start, end) {
    try {
      for (let offset = start; offset < end; ) {
        const length = Math.min(READ_BYTES, end - offset);
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, offset);
        if (bytesRead === 0) throw new Error("the fragment on disk is shorter than it was");
        offset += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  },
});
