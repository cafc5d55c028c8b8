import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, statfs } from "node:fs/promises";
import path from "node:path";
import { CodedError, parseUploadId, type UploadId, zeroBytes } from "@granary/primitives";
import type {
  BlobStore,
  PartBody,
  ReceivedPart,
  StagedObject,
  StoredPart,
  WritePart,
  WrittenPart,
} from "./blob-store.js";

/** File names of parts sort as their indices do: sixteen digits hold any safe integer. */
const fileNameOf = (index: number): string => index.toString().padStart(16, "0");
const partName = /^\d{16}$/;
const diskFullCodes = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/**
 * Blob store in a folder: the embedded default, or a shared volume of several machines.
 * A part is written beside its place, synced, renamed, and the folder synced, before it is acknowledged.
 */
export async function createFilesystemBlobStore(options: {
  readonly root: string;
  /** Refuses to store when less than this would remain free on the volume. */
  readonly reserveBytes: number;
}): Promise<BlobStore> {
  const incoming = path.join(options.root, "incoming");
  const uploads = path.join(options.root, "uploads");
  await mkdir(incoming, { recursive: true });
  await mkdir(uploads, { recursive: true });
  const folderOf = (uploadId: UploadId) => path.join(uploads, parseUploadId(uploadId));
  const freeBytes = async () => {
    const { bavail, bsize } = await statfs(options.root);
    return Math.max(0, bavail * bsize - options.reserveBytes);
  };

  async function receivePart(request: PartBody): Promise<ReceivedPart> {
    const needed = request.expectedBytes ?? 0;
    if (needed > (await freeBytes())) throw stagingFull();
    const temporary = path.join(incoming, randomUUID());
    const discard = () => rm(temporary, { force: true });
    try {
      return { ...(await writeFile(temporary, request)), place: placeFrom(temporary), discard };
    } catch (error) {
      await discard();
      throw diskFullCodes.has((error as NodeJS.ErrnoException).code ?? "") ? stagingFull(error) : error;
    }
  }

  const placeFrom = (temporary: string) => async (uploadId: UploadId, index: number) => {
    const folder = folderOf(uploadId);
    await mkdir(folder, { recursive: true });
    await rename(temporary, path.join(folder, fileNameOf(index)));
    await syncFolder(folder);
    await syncFolder(uploads);
  };

  async function writePart(request: WritePart): Promise<WrittenPart> {
    const { sizeBytes, sha256, place, discard } = await receivePart(request);
    try {
      await place(request.uploadId, request.index);
    } finally {
      await discard();
    }
    return { sizeBytes, sha256 };
  }

  async function listParts(uploadId: UploadId): Promise<StoredPart[]> {
    const folder = folderOf(uploadId);
    const names = (await readdir(folder).catch(emptyWhenAbsent)).filter((name) => partName.test(name)).sort();
    return Promise.all(
      names.map(async (name) => ({ index: Number(name), sizeBytes: (await stat(path.join(folder, name))).size })),
    );
  }

  return {
    writePart,
    receivePart,
    listParts,
    freeBytes,
    async open(uploadId) {
      const parts = await listParts(uploadId);
      if (parts.length === 0) {
        throw new CodedError("STAGED_OBJECT_ABSENT", "absent", "no bytes are staged for this upload", { uploadId });
      }
      return openParts(folderOf(uploadId), parts);
    },
    removePart: async (uploadId, index) => rm(path.join(folderOf(uploadId), fileNameOf(index)), { force: true }),
    remove: async (uploadId) => rm(folderOf(uploadId), { recursive: true, force: true }),
    async *listUploads() {
      for (const name of await readdir(uploads)) yield parseUploadId(name);
    },
  };
}

const stagingFull = (cause?: unknown) =>
  new CodedError("STAGING_FULL", "exhausted", "the gateway has no room for these bytes now", {}, { cause });

const emptyWhenAbsent = (error: NodeJS.ErrnoException): string[] => {
  if (error.code === "ENOENT") return [];
  throw error;
};

async function writeFile(file: string, request: PartBody): Promise<WrittenPart> {
  const handle = await open(file, "wx");
  try {
    const hash = createHash("sha256");
    let sizeBytes = 0;
    for await (const chunk of request.body) {
      sizeBytes += chunk.length;
      if (sizeBytes > request.maxBytes) {
        throw new CodedError("PART_TOO_LARGE", "invalid", `more than ${request.maxBytes} bytes were sent`);
      }
      hash.update(chunk);
      await writeAll(handle, chunk);
    }
    if (request.expectedBytes !== undefined && sizeBytes !== request.expectedBytes) {
      throw new CodedError(
        "PART_LENGTH_WRONG",
        "invalid",
        `${sizeBytes} bytes were sent where ${request.expectedBytes} were announced`,
      );
    }
    await handle.sync();
    return { sizeBytes, sha256: hash.digest("hex") };
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  let done = 0;
  while (done < chunk.length) done += (await handle.write(chunk, done, chunk.length - done)).bytesWritten;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** At most this many part files are open at a time for one reader. */
const OPEN_PARTS_MAX = 8;

function openParts(folder: string, parts: readonly StoredPart[]): StagedObject {
  const starts: number[] = [];
  let sizeBytes = 0;
  for (const part of parts) {
    starts.push(sizeBytes);
    sizeBytes += part.sizeBytes;
  }
  const handles = new Map<number, Promise<FileHandle>>();
  const handleOf = async (position: number): Promise<FileHandle> => {
    const known = handles.get(position);
    if (known !== undefined) return known;
    if (handles.size >= OPEN_PARTS_MAX) {
      const [oldest, handle] = handles.entries().next().value as [number, Promise<FileHandle>];
      handles.delete(oldest);
      await (await handle).close();
    }
    const opened = open(path.join(folder, fileNameOf((parts[position] as StoredPart).index)), "r");
    handles.set(position, opened);
    return opened;
  };

  async function read(offset: number, into: Uint8Array): Promise<number> {
    let position = lastAtOrBefore(starts, offset);
    let filled = 0;
    const wanted = Math.max(0, Math.min(into.length, sizeBytes - offset));
    while (filled < wanted) {
      const start = starts[position] as number;
      const inPart = offset + filled - start;
      const length = Math.min(wanted - filled, (parts[position] as StoredPart).sizeBytes - inPart);
      if (length > 0) {
        const handle = await handleOf(position);
        const { bytesRead } = await handle.read(into, filled, length, inPart);
        if (bytesRead === 0) throw new CodedError("STAGED_OBJECT_TRUNCATED", "corrupt", "a staged part became shorter");
        filled += bytesRead;
      }
      if (offset + filled >= start + (parts[position] as StoredPart).sizeBytes) position += 1;
    }
    zeroBytes(into, filled);
    return filled;
  }

  // One read at a time, so that a handle is never closed under another read.
  let turn: Promise<unknown> = Promise.resolve();
  return {
    sizeBytes,
    read(offset, into) {
      const result = turn.then(() => read(offset, into));
      turn = result.catch(() => {});
      return result;
    },
    async close() {
      await turn;
      for (const handle of handles.values()) await (await handle).close();
      handles.clear();
    },
  };
}

/** Index of the last start that is ≤ offset. */
function lastAtOrBefore(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] as number) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
