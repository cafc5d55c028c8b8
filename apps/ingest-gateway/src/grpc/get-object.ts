import { once } from "node:events";
import { CodedError, EMPTY_FID, type Fid } from "@granary/primitives";
import type { ServerWritableStream } from "@grpc/grpc-js";
import type { RetrievalClient, UpstreamAnswer } from "../adapters/retrieval-client.js";
import { objectPathOf } from "../http/download.js";
import type { Ports } from "../ports.js";
import { goneSignal } from "./gone.js";

/** The writing half of a call, as far as streams of answers need it. */
export type AnswerCall = Pick<ServerWritableStream<unknown, unknown>, "write" | "once" | "on" | "off" | "cancelled">;

export interface WantedRange {
  readonly fid: Fid;
  readonly offset: number;
  readonly length: number | null;
}

/**
 * Streams an object, or a range of it, no faster than the client reads. It returns when the last byte is handed over.
 * @throws CodedError OBJECT_ENCRYPTED (conflict), RANGE_NOT_SATISFIABLE (invalid), DOWNLOAD_BROKEN (unavailable), and what retrieval answers
 */
export async function getObject(
  ports: Pick<Ports, "stopping" | "database"> & { readonly retrieval: Pick<RetrievalClient, "get"> },
  wanted: WantedRange,
  call: AnswerCall,
): Promise<void> {
  const signal = AbortSignal.any([goneSignal(call), ports.stopping]);
  const { fid, offset } = wanted;
  if (fid === EMPTY_FID) {
    if (offset > 0) throw rangeNotSatisfiable();
    return send(call, { header: { fid, sizeBytes: 0, offset: 0, length: 0 } }, signal);
  }
  if ((await ports.database.objectKey.findFirst({ where: { fid }, select: { uploadId: true } })) !== null) {
    throw new CodedError("OBJECT_ENCRYPTED", "conflict", "an object that the gateway encrypted is read over HTTP");
  }
  const range = rangeOf(wanted);
  const headers = range === null ? {} : { range };
  const answer = await ports.retrieval.get(objectPathOf(fid), { method: "GET", headers, signal });
  try {
    const { sizeBytes, length } = extentOf(answer);
    const isEmptyRange = wanted.length === 0;
    await send(call, { header: { fid, sizeBytes, offset, length: isEmptyRange ? 0 : length } }, signal);
    if (!isEmptyRange) await sendBody(call, answer, length, signal);
  } finally {
    answer.body.on("error", () => {}).destroy();
  }
}

async function sendBody(call: AnswerCall, answer: UpstreamAnswer, length: number, signal: AbortSignal): Promise<void> {
  let sent = 0;
  const broken = (cause?: unknown) =>
    new CodedError("DOWNLOAD_BROKEN", "unavailable", "the object's bytes ended early", { sent, length }, { cause });
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      sent += chunk.length;
      await send(call, { chunk }, signal);
    }
  } catch (error) {
    throw broken(error);
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
