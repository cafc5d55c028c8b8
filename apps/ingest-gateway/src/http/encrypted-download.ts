import { Readable } from "node:stream";
import type { ObjectKeyModel } from "@granary/database";
import { chunkSpanOf, type DataKey, prefixesOf } from "@granary/domain/encryption";
import { contentRange, parseRange } from "@granary/domain/read";
import { CodedError, type Fid } from "@granary/primitives";
import type { FastifyRequest } from "fastify";
import type { UpstreamAnswer } from "../adapters/retrieval-client.js";
import { decryptChunks } from "../body/chunks.js";
import { openObjectKey } from "../flow/object-key.js";
import type { Ports } from "../ports.js";
import { isKnownTo } from "./download.js";
import { customerKeyFrom } from "./encryption.js";
import { headerOf } from "./headers.js";
import { type SenderPorts, senderOf } from "./sender.js";

type OpenPorts = SenderPorts & Pick<Ports, "keyring">;

/** Asks retrieval for the object as it is stored: its ciphertext. */
export type FetchStored = (range: string | undefined) => Promise<UpstreamAnswer>;

/**
 * An encrypted object, or a range of it, as retrieval would answer for a plain one. That the key opens it, and that its
 * first chunk is authentic, is known before this returns; a chunk that is not breaks the transfer later.
 *
 * @throws CodedError ENCRYPTION_KEY_MISSING (invalid), ENCRYPTION_KEY_WRONG, OBJECT_NOT_OWNED, SIGNATURE_… (denied),
 *   CHUNK_NOT_AUTHENTIC (corrupt), and what retrieval answers
 */
export async function openEncrypted(
  ports: OpenPorts,
  request: FastifyRequest,
  stored: ObjectKeyModel,
  fetchStored: FetchStored,
  rangeHeader: string | undefined,
): Promise<UpstreamAnswer> {
  const dataKey = await keyFor(ports, request, stored);
  const etag = `"${stored.fid as Fid}"`;
  const sizeBytes = Number(stored.sizeBytes);
  const nothing = Readable.from([]);
  if (isKnownTo(request, etag)) return { status: 304, headers: { etag }, body: nothing };
  const ifRange = headerOf(request.headers, "if-range");
  const asked = parseRange(ifRange === undefined || ifRange.trim() === etag ? rangeHeader : undefined, sizeBytes);
  if (asked.kind === "unsatisfiable") {
    return { status: 416, headers: { "content-range": contentRange(null, sizeBytes) }, body: nothing };
  }
  const range = asked.kind === "partial" ? asked.range : { start: 0, end: sizeBytes };
  const status = asked.kind === "partial" ? 206 : 200;
  const headers = {
    etag,
    "accept-ranges": "bytes",
    "content-length": String(range.end - range.start),
    ...(asked.kind === "partial" ? { "content-range": contentRange(range, sizeBytes) } : {}),
  };
  if (request.method === "HEAD") return { status, headers, body: (await fetchStored(undefined)).body };
  return { status, headers, body: await openPlainRange(stored, dataKey, range, fetchStored) };
}

/** A key that the gateway keeps is used for its owner only; who sends the customer's key shows by that who it is. */
async function keyFor(ports: OpenPorts, request: FastifyRequest, stored: ObjectKeyModel): Promise<DataKey> {
  const customerKey = customerKeyFrom(request.headers);
  if (stored.wrappedBy !== null && customerKey === null && (await senderOf(ports, request)) !== stored.account) {
    throw new CodedError("OBJECT_NOT_OWNED", "denied", "the object is encrypted for another account");
  }
  return openObjectKey(ports.keyring, stored, customerKey);
}

/**
 * A range of an encrypted object in clear. That its first chunk is authentic is known before this returns; a chunk that is
 * not breaks the stream later.
 *
 * @throws CodedError CHUNK_NOT_AUTHENTIC (corrupt), FID_UNKNOWN (absent), RETRIEVAL_FAILED (unavailable), and what retrieval answers
 */
export async function openPlainRange(
  stored: ObjectKeyModel,
  dataKey: DataKey,
  range: { readonly start: number; readonly end: number },
  fetchStored: FetchStored,
): Promise<Readable> {
  if (stored.prefixRuns === null) throw new CodedError("FID_UNKNOWN", "absent", "the object is not received yet");
  const span = chunkSpanOf(range, Number(stored.sizeBytes));
  const answer = await fetchStored(`bytes=${span.stored.start}-${span.stored.end - 1}`);
  if (!answer.headers["content-range"]?.startsWith(`bytes ${span.stored.start}-${span.stored.end - 1}/`)) {
    answer.body.on("error", () => {}).destroy();
    throw new CodedError("RETRIEVAL_FAILED", "unavailable", "retrieval answered another range than was asked for");
  }
  const plain = decryptChunks(answer.body, dataKey, prefixesOf(stored.prefixRuns), span);
  const first = await plain.next();
  async function* all() {
    if (!first.done) yield first.value;
    yield* plain;
  }
  return Readable.from(all(), { objectMode: false });
}
