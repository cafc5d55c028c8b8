import { once } from "node:events";
import { Readable } from "node:stream";
import { parseAccount } from "@granary/chain-client/accounts";
import type { ObjectKeyModel } from "@granary/database";
import { KEY_BYTES, type WrappingKey, wrappingKeyOf } from "@granary/domain/encryption";
import { CodedError, EMPTY_FID, type Fid } from "@granary/primitives";
import type { ServerWritableStream } from "@grpc/grpc-js";
import type { RetrievalClient, UpstreamAnswer } from "../adapters/retrieval-client.js";
import { openObjectKey } from "../flow/object-key.js";
import { objectPathOf, storedPathOf } from "../http/download.js";
import { openPlainRange } from "../http/encrypted-download.js";
import type { Ports } from "../ports.js";
import { goneSignal } from "./gone.js";

/** The writing half of a call, as far as streams of answers need it. */
export type AnswerCall = Pick<ServerWritableStream<unknown, unknown>, "write" | "once" | "on" | "off" | "cancelled">;

export interface WantedRange {
  readonly fid: Fid;
  readonly offset: number;
  readonly length: number | null;
  readonly keys: ReaderKeys;
}

/** What opens an encrypted object; empty where the caller sent none. */
export interface ReaderKeys {
  readonly encryptionKey: Uint8Array;
  readonly cipher: string;
  readonly account: string;
}

type GetPorts = Pick<Ports, "stopping" | "database" | "keyring"> & { readonly retrieval: Pick<RetrievalClient, "get"> };

interface Opened {
  /** Of the whole object. */
  readonly sizeBytes: number;
  readonly length: number;
  readonly body: Readable;
}

/**
 * Streams an object, or a range of it, no faster than the client reads. It returns when the last byte is handed over.
 * @throws CodedError RANGE_NOT_SATISFIABLE, CIPHER_INVALID, ENCRYPTION_KEY_INVALID, ENCRYPTION_KEY_MISSING (invalid),
 *   ENCRYPTION_KEY_WRONG, OBJECT_NOT_OWNED (denied), CHUNK_NOT_AUTHENTIC (corrupt), DOWNLOAD_BROKEN (unavailable), and what retrieval answers
 */
export async function getObject(ports: GetPorts, wanted: WantedRange, call: AnswerCall): Promise<void> {
  const signal = AbortSignal.any([goneSignal(call), ports.stopping]);
  const { fid, offset } = wanted;
  if (fid === EMPTY_FID) {
    if (offset > 0) throw rangeNotSatisfiable();
    return send(call, { header: { fid, sizeBytes: 0, offset: 0, length: 0 } }, signal);
  }
  const stored = await ports.database.objectKey.findFirst({ where: { fid } });
  const opened =
    stored === null ? await openPlain(ports, wanted, signal) : await openEncrypted(ports, wanted, stored, signal);
  const { sizeBytes, body } = opened;
  const length = wanted.length === 0 ? 0 : opened.length;
  try {
    await send(call, { header: { fid, sizeBytes, offset, length } }, signal);
    if (length > 0) await sendBody(call, body, length, signal);
  } finally {
    body.on("error", () => {}).destroy();
  }
}

/** An object as retrieval gives it: stored in clear, or in the CESS cipher mode. */
async function openPlain(ports: GetPorts, wanted: WantedRange, signal: AbortSignal): Promise<Opened> {
  const range = rangeOf(wanted);
  const { cipher } = wanted.keys;
  const headers = { ...(range === null ? {} : { range }), ...(cipher === "" ? {} : { cipher: headerOf(cipher) }) };
  const answer = await ports.retrieval.get(objectPathOf(wanted.fid), { method: "GET", headers, signal });
  return { ...extentOf(answer), body: answer.body };
}

/** An object that this gateway encrypted, opened with the key that the caller sent, or for its owner. */
async function openEncrypted(
  ports: GetPorts,
  { fid, offset, length: wantedLength, keys }: WantedRange,
  stored: ObjectKeyModel,
  signal: AbortSignal,
): Promise<Opened> {
  const customerKey = customerKeyOf(keys);
  const isOwner = keys.account !== "" && parseAccount(keys.account) === stored.account;
  if (stored.wrappedBy !== null && customerKey === null && !isOwner) {
    throw new CodedError("OBJECT_NOT_OWNED", "denied", "the object is encrypted for another account");
  }
  const dataKey = openObjectKey(ports.keyring, stored, customerKey);
  const sizeBytes = Number(stored.sizeBytes);
  if (offset >= sizeBytes) throw rangeNotSatisfiable();
  const length = Math.min(wantedLength ?? sizeBytes, sizeBytes - offset);
  if (length === 0) return { sizeBytes, length, body: Readable.from([]) };
  const range = { start: offset, end: offset + length };
  const body = await openPlainRange(stored, dataKey, range, (part) =>
    ports.retrieval.get(storedPathOf(fid), {
      method: "GET",
      headers: part === undefined ? {} : { range: part },
      signal,
    }),
  );
  return { sizeBytes, length, body };
}

function customerKeyOf({ encryptionKey }: ReaderKeys): WrappingKey | null {
  if (encryptionKey.length === 0) return null;
  if (encryptionKey.length === KEY_BYTES) return wrappingKeyOf(encryptionKey);
  throw new CodedError("ENCRYPTION_KEY_INVALID", "invalid", `encryption_key has ${KEY_BYTES} bytes`);
}

/** Text as the bytes of a header, which is how retrieval is told. @throws CodedError CIPHER_INVALID (invalid) */
function headerOf(cipher: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a header cannot carry
  if (!/[\x00-\x1f\x7f]/.test(cipher)) return Buffer.from(cipher, "utf8").toString("latin1");
  throw new CodedError("CIPHER_INVALID", "invalid", "cipher has no control characters");
}

async function sendBody(call: AnswerCall, body: Readable, length: number, signal: AbortSignal): Promise<void> {
  let sent = 0;
  const broken = (cause?: unknown) =>
    new CodedError("DOWNLOAD_BROKEN", "unavailable", "the object's bytes ended early", { sent, length }, { cause });
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      sent += chunk.length;
      await send(call, { chunk }, signal);
    }
  } catch (error) {
    // A chunk that is not authentic is told as that.
    throw error instanceof CodedError ? error : broken(error);
  }
  if (sent !== length) throw broken();
}

/** Resolves when the next message may be written. */
export async function send(call: AnswerCall, message: object, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!call.write(message)) await once(call as never, "drain", { signal });
}

/** A range of no bytes cannot be asked for over HTTP: one byte stands for it, and is not passed on. */
const rangeOf = ({ offset, length }: WantedRange): string | null =>
  offset === 0 && length === null ? null : `bytes=${offset}-${length === null ? "" : offset + Math.max(1, length) - 1}`;

const rangeNotSatisfiable = () => new CodedError("RANGE_NOT_SATISFIABLE", "invalid", "the object has no such range");

function extentOf({ status, headers }: UpstreamAnswer): { sizeBytes: number; length: number } {
  if (status === 416) throw rangeNotSatisfiable();
  const length = Number(headers["content-length"]);
  const total = /\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1];
  return { length, sizeBytes: total === undefined ? length : Number(total) };
}
