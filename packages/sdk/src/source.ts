import { open } from "node:fs/promises";
import { CodedError, MiB } from "@granary/primitives";

/** Bytes that can be read again: a part that did not arrive is sent anew. */
export interface Source {
  readonly sizeBytes: number;
  /** The bytes from `start` to before `end`, in pieces; may be called again, and concurrently. */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
}

export const bytesSource = (bytes: Uint8Array): Source => ({
  sizeBytes: bytes.length,
  async *read(start, end) {
    for (let at = start; at < end; at += MiB) yield bytes.subarray(at, Math.min(at + MiB, end));
  },
});

/**
 * Lends the file as a source for as long as `use` runs.
 * @throws CodedError FILE_ABSENT (absent); reading throws FILE_CHANGED (conflict) where the file became shorter
 */
export async function withFile<T>(file: string, use: (source: Source) => Promise<T>): Promise<T> {
  const handle = await open(file, "r").catch(() => null);
  try {
    const found = await handle?.stat();
    if (handle === null || !found?.isFile()) throw new CodedError("FILE_ABSENT", "absent", `${file} is not a file`);
    return await use({
      sizeBytes: found.size,
      async *read(start, end) {
        for (let at = start; at < end; ) {
          const buffer = Buffer.allocUnsafe(Math.min(MiB, end - at));
          const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
          if (bytesRead === 0)
            throw new CodedError("FILE_CHANGED", "conflict", "the file became shorter while it was sent");
          at += bytesRead;
          yield buffer.subarray(0, bytesRead);
        }
      },
    });
  } finally {
    await handle?.close();
  }
}
