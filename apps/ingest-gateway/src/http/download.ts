import { Readable } from "node:stream";
import { contentRange, parseRange } from "@granary/domain/read";
import { CodedError, EMPTY_FID, type Fid } from "@granary/primitives";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { UpstreamAnswer } from "../adapters/retrieval-client.js";
import { headerOf } from "./headers.js";

/** How an object is presented: what the answer says of it beside the bytes. */
export interface Presentation {
  readonly contentType: string;
  readonly disposition: string;
  readonly cacheControl: string;
}

/** Headers of a download that the retrieval service decides on. */
export function downloadHeadersOf(request: FastifyRequest, range: string | undefined): Record<string, string> {
  const passed = { ...request.headers, range };
  const found: Record<string, string> = {};
  for (const name of ["range", "if-none-match", "if-range", "cipher"] as const) {
    const value = headerOf(passed, name);
    if (value) found[name] = value;
  }
  return found;
}

const passedBack = ["content-length", "content-range", "etag", "accept-ranges", "last-modified"] as const;

/** Streams what the retrieval service answers; a stream that breaks ends the client's connection, never a short 200. */
export async function sendDownload(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: UpstreamAnswer,
  presentation: Presentation,
): Promise<void> {
  if (answer.status === 416) {
    answer.body.on("error", () => {}).destroy();
    reply.header("content-range", answer.headers["content-range"] ?? "bytes */*").header("accept-ranges", "bytes");
    throw new CodedError("RANGE_NOT_SATISFIABLE", "invalid", "the object has no such range");
  }
  for (const name of passedBack) {
    const value = answer.headers[name];
    if (value !== undefined) reply.header(name, value);
  }
  reply
    .status(answer.status)
    .header("cache-control", presentation.cacheControl)
    .header("vary", "Cipher, Encryption-Key");
  reply.header("x-content-type-options", "nosniff");
  if (answer.status !== 304) {
    reply.header("content-type", presentation.contentType).header("content-disposition", presentation.disposition);
  }
  if (request.method === "HEAD" || answer.status === 304) {
    answer.body.on("error", () => {}).destroy();
    sendHead(reply);
    return;
  }
  await reply.send(answer.body);
}

/** Fastify would set the length of a missing body; here the length is that of the body which is not sent. */
function sendHead(reply: FastifyReply): void {
  reply.hijack();
  reply.raw.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string>);
  reply.raw.end();
}

export function isKnownTo(request: FastifyRequest, etag: string): boolean {
  const known = request.headers["if-none-match"];
  return known?.split(",").some((one) => [etag, `W/${etag}`, "*"].includes(one.trim())) ?? false;
}

/** The empty object: everybody has it. */
export function emptyAnswer(request: FastifyRequest, range: string | undefined): UpstreamAnswer {
  const etag = `"${EMPTY_FID}"`;
  const headers = { etag, "accept-ranges": "bytes", "content-length": "0" };
  const body = Readable.from([]);
  if (isKnownTo(request, etag)) return { status: 304, headers: { etag }, body };
  if (parseRange(range, 0).kind === "unsatisfiable") {
    return { status: 416, headers: { "content-range": contentRange(null, 0) }, body };
  }
  return { status: 200, headers, body };
}

export const objectPathOf = (fid: Fid): string => `/objects/${fid}`;

/** The object as it is stored: of an encrypted one, its ciphertext. */
export const storedPathOf = (fid: Fid): string => `/stored/${fid}`;

/**
 * The range of a preview. DeOSS takes it from a *request* header Content-Range of the form `bytes=0-99`; that wins over
 * Range, which everybody else sends.
 *
 * @throws CodedError RANGE_NOT_SATISFIABLE (invalid)
 */
export function previewRangeOf(request: FastifyRequest): string | undefined {
  const odd = headerOf(request.headers, "content-range");
  if (odd === undefined || odd === "") return headerOf(request.headers, "range");
  if (/^\s*bytes\s*=\s*(?:\d+-\d*|-\d+)\s*$/i.test(odd)) return odd.trim();
  throw new CodedError("RANGE_NOT_SATISFIABLE", "invalid", "the range has the form bytes=START-LAST");
}
