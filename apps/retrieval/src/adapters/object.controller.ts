import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { contentRange } from "@granary/domain/read";
import { asCodedError, CodedError, FRAGMENT_BYTES } from "@granary/primitives";
import { httpErrorBody, token } from "@granary/service-runtime";
import { Controller, Get, Head, Param, Req, Res } from "@nestjs/common";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type FragmentPorts, serveFragment } from "../flow/serve-fragment.js";
import { type ObjectAnswer, serveObject } from "../flow/serve-object.js";
import { type ReadSource, type RetrievalMetrics, readCodeOf } from "../metrics.js";

export interface ObjectPorts extends FragmentPorts {
  readonly metrics: RetrievalMetrics;
}
export const objectPorts = token<ObjectPorts>("object ports");

/** Objects and fragments over HTTP, for the ingest-gateway, which faces the clients. */
@Controller()
export class ObjectController {
  constructor(@objectPorts.inject() private readonly ports: ObjectPorts) {}

  @Head("objects/:fid")
  head(@Param("fid") fid: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.serve(fid, request, reply, { isHead: true, isStored: false });
  }

  @Get("objects/:fid")
  get(@Param("fid") fid: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.serve(fid, request, reply, { isHead: false, isStored: false });
  }

  @Head("stored/:fid")
  headStored(@Param("fid") fid: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.serve(fid, request, reply, { isHead: true, isStored: true });
  }

  @Get("stored/:fid")
  getStored(@Param("fid") fid: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.serve(fid, request, reply, { isHead: false, isStored: true });
  }

  @Get("fragments/:fid/:fragment")
  async fragment(@Param("fid") fid: string, @Param("fragment") fragment: string, @Res() reply: FastifyReply) {
    const bytes = await whileOpen(reply, (signal) => serveFragment(this.ports, { fid, fragment }, signal));
    await reply
      .header("etag", `"${fragment}"`)
      .header("content-type", "application/octet-stream")
      .header("content-length", String(FRAGMENT_BYTES))
      .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  private async serve(
    fid: string,
    request: FastifyRequest,
    reply: FastifyReply,
    wanted: { readonly isHead: boolean; readonly isStored: boolean },
  ): Promise<void> {
    const firstByte = this.ports.metrics.firstByte.start();
    let source: ReadSource = "none";
    try {
      await whileOpen(reply, async (signal) => {
        const answer = await serveObject(this.ports, { fid, ...wanted, ...headersOf(request) }, signal);
        source = answer.source ?? "none";
        firstByte({ source });
        await send(reply, answer, (count) => this.ports.metrics.bytesOut.add({}, count));
        this.ports.metrics.reads.add({ source, outcome: answer.status === 304 ? "not-modified" : "ok" });
      });
    } catch (thrown) {
      const isCutOff = reply.raw.headersSent || reply.raw.destroyed;
      const outcome = isCutOff ? "broken-off" : readCodeOf(asCodedError(thrown).code);
      this.ports.metrics.reads.add({ source, outcome });
      // A client that went away is no error of anybody.
      if (reply.raw.destroyed && !(thrown instanceof CodedError)) return;
      if (!answerUnsatisfiable(reply, thrown)) throw thrown;
    }
  }
}

function headersOf({ headers }: FastifyRequest) {
  const { range, cipher } = headers;
  return {
    range,
    ifRange: headers["if-range"] as string | undefined,
    ifNoneMatch: headers["if-none-match"],
    cipher: Array.isArray(cipher) ? cipher[0] : cipher,
  };
}

/** Runs work whose signal is aborted when the client is gone, and in any case when it has ended. */
async function whileOpen<T>(reply: FastifyReply, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ending = new AbortController();
  const onClose = () => ending.abort();
  reply.raw.once("close", onClose);
  try {
    return await work(ending.signal);
  } finally {
    reply.raw.off("close", onClose);
    ending.abort();
  }
}

/** Straight to the socket: the length is known, and an error in the middle must break the connection. */
async function send(reply: FastifyReply, answer: ObjectAnswer, sent: (bytes: number) => void): Promise<void> {
  reply.hijack();
  reply.raw.writeHead(answer.status, answer.headers);
  if (answer.body === null) {
    reply.raw.end();
    return;
  }
  const { body } = answer;
  async function* counted() {
    for await (const piece of body) {
      yield piece;
      sent(piece.length);
    }
  }
  await pipeline(Readable.from(counted(), { objectMode: true, highWaterMark: 1 }), reply.raw);
}

/** The one error that has a header of its own. */
function answerUnsatisfiable(reply: FastifyReply, thrown: unknown): boolean {
  const error = asCodedError(thrown);
  if (error.code !== "RANGE_NOT_SATISFIABLE") return false;
  const { status, body } = httpErrorBody(error);
  void reply
    .header("content-range", contentRange(null, Number(error.details.sizeBytes)))
    .status(status)
    .send(body);
  return true;
}
