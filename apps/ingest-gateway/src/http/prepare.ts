import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

const ALLOWED_METHODS = "GET, HEAD, PUT, DELETE, OPTIONS";
const ALLOWED_HEADERS =
  "Account, Authorization, Bucket, BlockIndex, BlockNumber, Cipher, Content-Range, Content-Type, Encryption, Encryption-Key, EthAcc, FileName, Format, If-None-Match, If-Range, Latitude, Longitude, Message, Miner, Operation, Prefer, Range, Signature, Territory, TotalSize";
const EXPOSED_HEADERS =
  "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Link, Location, Range, Retry-After, X-Granary-Next, X-Granary-Upload";
const PREFLIGHT_SECONDS = "86400";
/** How long a refused client may go on sending before its connection is cut. */
const LINGER_MS = 3_000;

/** When the service stops, who waits is answered at once, and bodies that still come have a last while. */
export function endRequestsOnClose(server: FastifyInstance, stopping: AbortController, graceMs: number): void {
  server.addHook("preClose", async () => {
    stopping.abort(new Error("the service stops"));
    setTimeout(() => server.server.closeAllConnections(), graceMs).unref();
  });
}

/** Bodies stay streams; browsers of any origin may ask; refusals reach those who still send. */
export function prepareHttp(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", (_request, _payload, done) => done(null));

  server.addHook("onRequest", async (request, reply) => {
    reply.header("access-control-allow-origin", "*").header("access-control-expose-headers", EXPOSED_HEADERS);
    if (request.method === "OPTIONS") return answerPreflight(request, reply);
  });
  server.addHook("onSend", async (request, reply, payload) => {
    if (reply.statusCode >= 400) {
      const retryAfter = retryAfterOf(payload);
      if (retryAfter !== null) reply.header("retry-after", retryAfter);
      if (!request.raw.readableEnded) lingerAfter(request, reply);
    }
    return payload;
  });
}

async function answerPreflight(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  return reply
    .status(204)
    .header("access-control-allow-methods", ALLOWED_METHODS)
    .header("access-control-allow-headers", request.headers["access-control-request-headers"] ?? ALLOWED_HEADERS)
    .header("access-control-max-age", PREFLIGHT_SECONDS)
    .send();
}

function retryAfterOf(payload: unknown): string | null {
  if (typeof payload !== "string") return null;
  const seconds = /"retryAfterSeconds":(\d+)/.exec(payload)?.[1];
  return seconds ?? null;
}

/**
 * A client that is refused while it sends must be able to read why. Closing at once would reset the connection and throw
 * the answer away with it; so what still comes is read and dropped for a moment, and then the connection is cut.
 */
function lingerAfter(request: FastifyRequest, reply: FastifyReply): void {
  reply.removeHeader("connection");
  const { raw } = request;
  reply.raw.once("finish", () => {
    if (raw.complete) return;
    dropRest(raw);
    const cut = setTimeout(() => raw.complete || raw.socket?.destroy(), LINGER_MS);
    cut.unref();
    raw.once("end", () => clearTimeout(cut));
    raw.once("close", () => clearTimeout(cut));
  });
}

function dropRest(request: IncomingMessage): void {
  request.removeAllListeners("readable");
  request.on("error", () => {});
  // Node takes note of removed listeners a tick later, and until then does not let the stream flow.
  setImmediate(() => request.resume());
}
