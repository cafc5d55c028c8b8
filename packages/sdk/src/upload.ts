import type { Signer } from "@granary/chain-client";
import { CodedError, isRetryable, MiB, SEGMENT_BYTES } from "@granary/primitives";
import { errorOf, type Gateway, readEnvelope } from "./gateway.js";
import type { Source } from "./source.js";

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
  readonly source: Source;
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

/** Sends an object, in concurrent parts when it is large. Returns the upload's id once every byte is durable there. */
export async function upload(request: UploadRequest): Promise<string> {
  const isWhole = request.source.sizeBytes <= WHOLE_UPLOAD_MAX || request.cipher !== undefined;
  return isWhole ? sendWhole(request) : sendParts(request);
}

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

/** The source's bytes from `start` to before `end`; tells of each piece when the next one is asked for. */
async function* bodyOf(source: Source, start: number, end: number, onBytes: (count: number) => void) {
  for await (const piece of source.read(start, end)) {
    yield piece;
    onBytes(piece.length);
  }
}

async function sendWhole(request: UploadRequest): Promise<string> {
  const { source } = request;
  let sent = 0;
  const body = bodyOf(source, 0, source.sizeBytes, (count) => {
    sent += count;
    request.onBytes(sent);
  });
  const response = await request.gateway.send(`/object/${encodeURIComponent(request.name)}${queryOf(request)}`, {
    method: "PUT",
    signer: request.signer,
    headers: { ...headersOf(request), "Content-Length": String(source.sizeBytes) },
    ...(source.sizeBytes === 0 ? { body: new Uint8Array(0) } : { body }),
  });
  return uploadIdOf(response);
}

const partBytesOf = ({ encryptionKey }: UploadRequest): number =>
  encryptionKey === undefined ? PART_BYTES : ENCRYPTED_PART_BYTES;

async function sendParts(request: UploadRequest): Promise<string> {
  const partBytes = partBytesOf(request);
  const starts = Array.from({ length: Math.ceil(request.source.sizeBytes / partBytes) }, (_, n) => n * partBytes);
  let sent = 0;
  let uploadId: string | undefined;
  const sendNext = async (): Promise<void> => {
    for (let start = starts.shift(); start !== undefined; start = starts.shift()) {
      const id = await sendPart(request, start, (count) => {
        sent += count;
        request.onBytes(sent);
      });
      uploadId ??= id;
    }
  };
  const senders = Array.from({ length: PARTS_AT_ONCE }, () =>
    sendNext().catch((error: unknown) => {
      // The others end with the parts that they have; the source may be closed after.
      starts.length = 0;
      throw error;
    }),
  );
  const failed = (await Promise.allSettled(senders)).find((sender) => sender.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  if (uploadId === undefined)
    throw new CodedError("UPLOAD_ID_MISSING", "bug", "the gateway did not say which upload this is");
  return uploadId;
}

async function sendPart(request: UploadRequest, start: number, onBytes: (count: number) => void): Promise<string> {
  const { source } = request;
  const end = Math.min(start + partBytesOf(request), source.sizeBytes);
  for (let attempt = 1; ; attempt += 1) {
    let sent = 0;
    try {
      const response = await request.gateway.send(`/resume/${encodeURIComponent(request.name)}${queryOf(request)}`, {
        method: "PUT",
        signer: request.signer,
        headers: {
          ...headersOf(request),
          "Content-Length": String(end - start),
          "Content-Range": `bytes ${start}-${end - 1}/${source.sizeBytes}`,
        },
        body: bodyOf(source, start, end, (count) => {
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
