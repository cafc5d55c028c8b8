import { createHash } from "node:crypto";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import type { Signer } from "@granary/chain-client";
import { CodedError } from "@granary/primitives";
import { errorOf, type Gateway, readEnvelope } from "./gateway.js";

const TRIES = 5;

export interface DownloadRequest {
  readonly gateway: Gateway;
  readonly fid: string;
  readonly file: string;
  readonly cipher?: string;
  /** The customer's key (base64) under which the object is encrypted. */
  readonly encryptionKey?: string;
  /** Who to sign as, where the gateway wants to know: it keeps the object's key for its owner. */
  readonly signer?: () => Promise<Signer>;
  readonly onStart: (total: number) => void;
  readonly onBytes: (received: number) => void;
}

/**
 * Downloads into `<file>.part` and renames when whole. What an earlier try left there is continued, not fetched again.
 * @returns size and SHA-256 of the file
 */
export async function download(request: DownloadRequest): Promise<{ sizeBytes: number; sha256: string }> {
  const part = `${request.file}.part`;
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
  const response = await ask(request, have);
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
    await writeBody(handle, response, start, start + length, request.onBytes);
  } finally {
    await handle.close();
  }
}

async function ask(request: DownloadRequest, have: number): Promise<Response> {
  const path = `/file/download/${request.fid}`;
  const headers = {
    ...(have > 0 ? { Range: `bytes=${have}-` } : {}),
    ...(request.cipher === undefined ? {} : { Cipher: request.cipher }),
    ...(request.encryptionKey === undefined ? {} : { "Encryption-Key": request.encryptionKey }),
  };
  const response = await request.gateway.send(path, { headers });
  if (response.status !== 401 && response.status !== 403) return response;
  const error = errorOf(response, await readEnvelope(response));
  if (error.code !== "SIGNATURE_MISSING" || request.signer === undefined) throw error;
  return request.gateway.send(path, { headers, signer: await request.signer() });
}

async function writeBody(
  handle: FileHandle,
  response: Response,
  start: number,
  end: number,
  onBytes: (received: number) => void,
): Promise<void> {
  let at = start;
  try {
    for await (const chunk of response.body ?? []) {
      await handle.write(chunk, 0, chunk.length, at);
      at += chunk.length;
      onBytes(at);
    }
  } catch (cause) {
    throw new CodedError("DOWNLOAD_INTERRUPTED", "unavailable", "the download broke off", { at }, { cause });
  }
  if (at !== end) throw new CodedError("DOWNLOAD_INTERRUPTED", "unavailable", "the download ended early", { at });
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
