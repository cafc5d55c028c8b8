import { type FileHandle, open, stat } from "node:fs/promises";
import path from "node:path";
import type { Signer } from "@granary/chain-client";
import { CodedError, isRetryable, MiB, SEGMENT_BYTES } from "@granary/primitives";
import { errorOf, type Gateway, readEnvelope, type UploadStatus } from "./gateway.js";

const PART_BYTES = SEGMENT_BYTES;
/** What a segment carries of an encrypted object: parts of one begin and end with its chunks. */
const ENCRYPTED_PART_BYTES = 512 * 65_520;
const PARTS_AT_ONCE = 4;
const TRIES = 5;
/** Files up to this size go in one request. */
const WHOLE_UPLOAD_MAX = 64 * MiB;

export interface UploadRequest {
  readonly gateway: Gateway;
  readonly signer: Signer;
  readonly file: string;
  readonly name: string;
  readonly territory: string;
  /** Key of the CESS `Cipher` mode. */
  readonly cipher?: string;
  /** Encrypt authenticated: under this key (base64), or where it is null, under the operator's. */
  readonly encryptionKey?: string | null;
  /** Wishes about the miners: the gateway's `placement`. */
  readonly placement?: object;
  readonly onBytes: (sent: number) => void;
}

/** Sends a file, in concurrent parts when it is large. Returns the id of the upload once every byte is durable there. */
export async function upload(request: UploadRequest): Promise<string> {
  const { size } = await statFile(request.file);
  return size <= WHOLE_UPLOAD_MAX || request.cipher !== undefined ? sendWhole(request, size) : sendParts(request, size);
}

export async function statFile(file: string): Promise<{ size: number }> {
  const found = await stat(file).catch(() => null);
  if (found === null || !found.isFile()) throw new CodedError("FILE_ABSENT", "absent", `${file} is not a file`);
  return { size: found.size };
}

export const defaultName = (file: string): string => path.basename(file);

function headersOf(request: UploadRequest): Record<string, string> {
  return {
    Territory: request.territory,
    "Content-Type": "application/octet-stream",
    Prefer: "respond-async",
    ...(request.cipher === undefined ? {} : { Cipher: request.cipher }),
    ...(request.encryptionKey === undefined ? {} : { Encryption: "aes-256-gcm" }),
    ...(request.encryptionKey == null ? {} : { "Encryption-Key": request.encryptionKey }),
  };
}

const queryOf = ({ placement }: UploadRequest): string =>
  placement === undefined ? "" : `?${new URLSearchParams({ placement: JSON.stringify(placement) })}`;

async function* readRange(handle: FileHandle, start: number, end: number, onBytes: (count: number) => void) {
  for (let at = start; at < end; ) {
    const buffer = Buffer.allocUnsafe(Math.min(MiB, end - at));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) throw new CodedError("FILE_CHANGED", "conflict", "the file became shorter while it was sent");
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
    onBytes(bytesRead);
  }
}

async function sendWhole(request: UploadRequest, size: number): Promise<string> {
  const handle = await open(request.file, "r");
  let sent = 0;
  try {
    const body = readRange(handle, 0, size, (count) => {
      sent += count;
      request.onBytes(sent);
    });
    const response = await request.gateway.send(`/object/${encodeURIComponent(request.name)}${queryOf(request)}`, {
      method: "PUT",
      signer: request.signer,
      headers: { ...headersOf(request), "Content-Length": String(size) },
      ...(size === 0 ? { body: new Uint8Array(0) } : { body }),
    });
    return await uploadIdOf(response);
  } finally {
    await handle.close();
  }
}

const partBytesOf = ({ encryptionKey }: UploadRequest): number =>
  encryptionKey === undefined ? PART_BYTES : ENCRYPTED_PART_BYTES;

async function sendParts(request: UploadRequest, size: number): Promise<string> {
  const handle = await open(request.file, "r");
  const partBytes = partBytesOf(request);
  const starts = Array.from({ length: Math.ceil(size / partBytes) }, (_, n) => n * partBytes);
  let sent = 0;
  let uploadId: string | undefined;
  const sendNext = async (): Promise<void> => {
    for (let start = starts.shift(); start !== undefined; start = starts.shift()) {
      const id = await sendPart(request, handle, size, start, (count) => {
        sent += count;
        request.onBytes(sent);
      });
      uploadId ??= id;
    }
  };
  try {
    await Promise.all(Array.from({ length: PARTS_AT_ONCE }, sendNext));
  } finally {
    await handle.close();
  }
  if (uploadId === undefined)
    throw new CodedError("UPLOAD_ID_MISSING", "bug", "the gateway did not say which upload this is");
  return uploadId;
}

async function sendPart(
  request: UploadRequest,
  handle: FileHandle,
  size: number,
  start: number,
  onBytes: (count: number) => void,
): Promise<string> {
  const end = Math.min(start + partBytesOf(request), size);
  for (let attempt = 1; ; attempt += 1) {
    let sent = 0;
    try {
      const response = await request.gateway.send(`/resume/${encodeURIComponent(request.name)}${queryOf(request)}`, {
        method: "PUT",
        signer: request.signer,
        headers: {
          ...headersOf(request),
          "Content-Length": String(end - start),
          "Content-Range": `bytes ${start}-${end - 1}/${size}`,
        },
        body: readRange(handle, start, end, (count) => {
          sent += count;
          onBytes(count);
        }),
      });
      return await uploadIdOf(response);
    } catch (error) {
      onBytes(-sent);
      if (!(error instanceof CodedError) || !isRetryable(error) || attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** attempt));
    }
  }
}

/** Success, "accepted", and the 308 between parts all name the upload. */
async function uploadIdOf(response: Response): Promise<string> {
  const envelope = await readEnvelope(response);
  const uploadId = response.headers.get("x-granary-upload");
  if ((response.ok || response.status === 308) && uploadId !== null) return uploadId;
  throw errorOf(response, envelope);
}

/** How far an upload is, as a number that only grows: the states before placing, then its columns, then active. */
export function stageOf(status: UploadStatus): number {
  switch (status.state) {
    case "receiving":
    case "failed":
      return 0;
    case "received":
      return 1;
    case "encoded":
      return 2;
    case "active":
      return STAGES;
    default:
      return 3 + status.placedColumns + status.reportedColumns;
  }
}
export const STAGES = 3 + 2 * 12 + 1;

const isPlacing = (status: UploadStatus): boolean => status.state === "placing" || status.state === "reported";

export const describeStatus = (status: UploadStatus): string =>
  isPlacing(status) ? `placed ${status.placedColumns}/12, reported ${status.reportedColumns}/12` : status.state;

const reached: Record<string, (status: UploadStatus) => boolean> = {
  received: () => true,
  encoded: (status) => status.fid !== null,
  declared: (status) => ["declared", "placing", "reported", "active"].includes(status.state),
  placed: (status) => status.placedColumns === 12 || status.state === "active",
  active: (status) => status.state === "active",
};
export const waitTargets = Object.keys(reached);

/** Follows an upload until it has reached `target`. @throws CodedError with the code that the upload failed with */
export async function follow(
  gateway: Gateway,
  uploadId: string,
  target: string,
  onStatus: (status: UploadStatus) => void,
): Promise<UploadStatus> {
  const isReached = reached[target];
  if (isReached === undefined) {
    throw new CodedError("WAIT_INVALID", "invalid", `--wait takes ${waitTargets.join(", ")}`);
  }
  for (let pauseMs = 150; ; pauseMs = Math.min(1000, pauseMs * 1.2)) {
    const status = await gateway.call<UploadStatus>(`/uploads/${uploadId}`).catch((error: unknown) => {
      // A gateway that restarts is asked again: the upload is durable there.
      if (error instanceof CodedError && isRetryable(error)) return null;
      throw error;
    });
    if (status !== null) {
      onStatus(status);
      if (status.failure !== null && status.state === "failed") {
        throw new CodedError(status.failure.code, "conflict", status.failure.reason, { uploadId });
      }
      if (isReached(status)) return status;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
