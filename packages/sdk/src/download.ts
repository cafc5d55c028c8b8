import { createHash } from "node:crypto";
import { open, rename, rm, stat } from "node:fs/promises";
import { CodedError } from "@granary/primitives";
import { errorOf, readEnvelope } from "./gateway.js";
import { askObject, type ObjectRequest, piecesOf } from "./read-object.js";

const TRIES = 5;

export interface DownloadRequest extends ObjectRequest {
  readonly file: string;
  readonly onStart: (total: number) => void;
  readonly onBytes: (received: number) => void;
}

/** What has come of an object so far, beside the file that it becomes: another object's bytes are never continued. */
export const partOf = ({ file, fid }: Pick<DownloadRequest, "file" | "fid">): string =>
  `${file}.${fid.slice(0, 16)}.part`;

/**
 * Downloads into a part file and renames when whole. What an earlier try left there is continued, not fetched again.
 * @returns size and SHA-256 of the file
 */
export async function download(request: DownloadRequest): Promise<{ sizeBytes: number; sha256: string }> {
  const part = partOf(request);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await fetchRest(request, part);
      break;
    } catch (error) {
      if (error instanceof CodedError && error.category !== "unavailable" && error.category !== "timeout") throw error;
      if (attempt === TRIES) throw error;
    }
  }
  const result = await digestFile(part);
  await rename(part, request.file);
  return result;
}

async function fetchRest(request: DownloadRequest, part: string): Promise<void> {
  const have = await stat(part).then(
    ({ size }) => size,
    () => 0,
  );
  const response = await askObject(request, have > 0 ? { start: have } : undefined);
  if (response.status === 416) {
    // Nothing lies beyond what we have, or what we have is not of this file: the size tells.
    const total = Number(/\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1] ?? Number.NaN);
    await response.body?.cancel();
    if (total === have) return;
    await rm(part, { force: true });
    throw new CodedError("PART_FILE_FOREIGN", "unavailable", `${part} is not of this file; starting anew`);
  }
  if (!response.ok) throw errorOf(response, await readEnvelope(response));
  const start = response.status === 206 ? have : 0;
  const length = Number(response.headers.get("content-length"));
  request.onStart(start + length);
  const handle = await open(part, start === 0 ? "w" : "r+");
  try {
    let at = start;
    for await (const piece of piecesOf(response, length)) {
      await handle.write(piece, 0, piece.length, at);
      at += piece.length;
      request.onBytes(at);
    }
  } finally {
    await handle.close();
  }
}

export async function digestFile(file: string): Promise<{ sizeBytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  const handle = await open(file, "r");
  try {
    for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 20, autoClose: false })) {
      hash.update(chunk as Buffer);
      sizeBytes += (chunk as Buffer).length;
    }
  } finally {
    await handle.close();
  }
  return { sizeBytes, sha256: hash.digest("hex") };
}
