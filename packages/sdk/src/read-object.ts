import type { Signer } from "@granary/chain-client";
import { CodedError, isRetryable } from "@granary/primitives";
import { errorOf, type Gateway, readEnvelope } from "./gateway.js";

export interface ObjectRequest {
  readonly gateway: Gateway;
  readonly fid: string;
  /** Key of the CESS `Cipher` mode. */
  readonly cipher?: string;
  /** The customer's key (base64) under which the object is encrypted. */
  readonly encryptionKey?: string;
  /** Who to sign as, where the gateway wants to know: it keeps the object's key for its owner. */
  readonly signer?: () => Promise<Signer>;
}

/** Bytes from `start` to before `end`, or to the object's end. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number;
}

export interface ObjectBody extends AsyncIterable<Uint8Array> {
  /** Of the whole object. */
  readonly sizeBytes: number;
  /** Of what is read here. */
  readonly lengthBytes: number;
}

/** Breaks without a byte in between. */
const TRIES = 5;
const FIRST_PAUSE_MS = 250;

/** The gateway's answer as it is, also where it refuses; signed where it asks for that. */
export async function askObject(request: ObjectRequest, range?: ByteRange): Promise<Response> {
  const path = `/file/download/${request.fid}`;
  const headers = {
    ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.end === undefined ? "" : range.end - 1}` }),
    ...(request.cipher === undefined ? {} : { Cipher: request.cipher }),
    ...(request.encryptionKey === undefined ? {} : { "Encryption-Key": request.encryptionKey }),
  };
  const response = await request.gateway.send(path, { headers });
  if (response.status !== 401 && response.status !== 403) return response;
  const error = errorOf(response, await readEnvelope(response));
  if (error.code !== "SIGNATURE_MISSING" || request.signer === undefined) throw error;
  return request.gateway.send(path, { headers, signer: await request.signer() });
}

/** A body of exactly so many bytes. @throws CodedError DOWNLOAD_INTERRUPTED (unavailable) where fewer come */
export async function* piecesOf(response: Response, length: number): AsyncGenerator<Uint8Array> {
  let received = 0;
  const body = response.body?.[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await body?.next().catch((cause: unknown) => {
        throw new CodedError("DOWNLOAD_INTERRUPTED", "unavailable", "the download broke off", { received }, { cause });
      });
      if (next === undefined || next.done === true) break;
      received += next.value.length;
      yield next.value;
    }
  } finally {
    await body?.return?.(undefined).catch(() => {});
  }
  if (received !== length) {
    throw new CodedError("DOWNLOAD_INTERRUPTED", "unavailable", "the download ended early", { received });
  }
}

/**
 * Opens an object, or a range of it. What breaks off while it is read goes on where it broke.
 * @throws CodedError with the gateway's code: FID_UNKNOWN, RANGE_NOT_SATISFIABLE, CIPHER_KEY_WRONG, …
 */
export async function readObject(request: ObjectRequest, range?: ByteRange): Promise<ObjectBody> {
  const first = await openAt(request, range);
  const start = range?.start ?? 0;
  return {
    sizeBytes: first.sizeBytes,
    lengthBytes: first.lengthBytes,
    [Symbol.asyncIterator]: () => readOn(request, first, start),
  };
}

interface Opened {
  readonly response: Response;
  readonly sizeBytes: number;
  readonly lengthBytes: number;
}

async function openAt(request: ObjectRequest, range: ByteRange | undefined): Promise<Opened> {
  const response = await askObject(request, range);
  if (!response.ok) throw errorOf(response, await readEnvelope(response));
  const lengthBytes = Number(response.headers.get("content-length"));
  if (response.status !== 206) {
    if (range !== undefined && (range.start > 0 || range.end !== undefined)) {
      await response.body?.cancel();
      throw new CodedError("RANGE_IGNORED", "bug", "the gateway answered a range with the whole object");
    }
    return { response, sizeBytes: lengthBytes, lengthBytes };
  }
  const sizeBytes = Number(/\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1]);
  return { response, sizeBytes, lengthBytes };
}

async function* readOn(request: ObjectRequest, first: Opened, start: number): AsyncGenerator<Uint8Array> {
  const end = start + first.lengthBytes;
  let at = start;
  let tries = 0;
  for (let opened: Opened | null = first; ; opened = null) {
    try {
      const { response } = opened ?? (await openAt(request, { start: at, end }));
      for await (const piece of piecesOf(response, end - at)) {
        yield piece;
        at += piece.length;
        tries = 0;
      }
      return;
    } catch (error) {
      tries += 1;
      if (!(error instanceof CodedError) || !isRetryable(error) || tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** tries));
    }
  }
}
