import { parseAccount } from "@granary/chain-client/accounts";
import type { UploadModel } from "@granary/database";
import { CodedError } from "@granary/primitives";
import type { ServerReadableStream } from "@grpc/grpc-js";
import type { BodyPace } from "../body/request-body.js";
import { awaitStage } from "../flow/await-stage.js";
import { receiveWhole } from "../flow/receive-whole.js";
import { encryptionWishOf } from "../http/encryption.js";
import { type Receiving, withPlace } from "../http/receiving.js";
import { plainType } from "../http/sender.js";
import type { Ports } from "../ports.js";
import { goneSignal } from "./gone.js";
import { stageOf } from "./message.js";

export interface PutRequest {
  readonly header?: {
    readonly account: string;
    readonly territory: string;
    readonly name: string;
    readonly contentType: string;
    readonly sizeBytes?: number;
    readonly waitFor: string | number;
  };
  readonly chunk?: Uint8Array;
  readonly end?: object;
}

type PutCall = Pick<ServerReadableStream<PutRequest, unknown>, "once" | "off" | "cancelled"> &
  AsyncIterable<PutRequest>;

/**
 * Receives an object over gRPC: header first, then bytes. Not more is taken from the client than is written. When it
 * returns, the bytes are durable and the upload has reached the stage that was asked for, or the wait was long enough.
 *
 * @throws CodedError PUT_HEADER_MISSING, PUT_HEADER_AGAIN, PUT_ENDED (invalid), BODY_TOO_SLOW (timeout), BODY_ABORTED (invalid), and
 *   all that an upload over HTTP can be refused for
 */
export async function putObject(ports: Ports & { readonly receiving: Receiving }, call: PutCall): Promise<UploadModel> {
  const pace = { stallMs: ports.config.BODY_STALL, bytesPerSecondMin: ports.config.BODY_RATE_MIN };
  const messages = pacedMessages(call, pace);
  const header = (await messages.next()).value?.header;
  if (!header) throw new CodedError("PUT_HEADER_MISSING", "invalid", "the first message of Put is the header");
  const stage = stageOf(header.waitFor);
  const sizeBytes = header.sizeBytes ?? null;
  const wanted = {
    account: parseAccount(header.account),
    territory: header.territory,
    name: header.name,
    contentType: plainType(header.contentType),
    placement: null,
    sizeBytes,
    atLeastBytes: sizeBytes ?? 1,
  };
  const upload = await withPlace(ports, false, (observe) =>
    receiveWhole(ports, wanted, chunksOf(messages, sizeBytes !== null, observe), encryptionWishOf(ports, {})),
  );
  const patience = AbortSignal.any([goneSignal(call), ports.stopping, AbortSignal.timeout(ports.config.FID_WAIT)]);
  return awaitStage(ports, upload, stage, patience);
}

/**
 * The bytes of a Put. HTTP/2 tells a server the end of a stream also where the client has reset it; so the end counts only
 * where it was said, or where the size will be checked.
 */
async function* chunksOf(
  messages: AsyncIterable<PutRequest>,
  isSizeKnown: boolean,
  observe: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let isEnded = false;
  for await (const { header, chunk, end } of messages) {
    if (header) throw new CodedError("PUT_HEADER_AGAIN", "invalid", "only the first message of Put is a header");
    if (isEnded) throw new CodedError("PUT_ENDED", "invalid", "nothing comes after the end of Put");
    if (end) isEnded = true;
    if (chunk === undefined || chunk.length === 0) continue;
    observe(chunk.length);
    yield chunk;
  }
  if (!isEnded && !isSizeKnown) throw aborted();
}

/** The messages of a call. Time spent waiting for the client counts against its pace, our own back-pressure does not. */
async function* pacedMessages(call: PutCall, pace: BodyPace): AsyncGenerator<PutRequest, undefined> {
  const source = call[Symbol.asyncIterator]();
  let waitedMs = 0;
  let bytes = 0;
  for (;;) {
    const message = source.next().catch(() => {
      throw aborted();
    });
    for (;;) {
      const startedAt = performance.now();
      const isHere = await comesWithin(call, message, pace.stallMs - waitedMs);
      waitedMs += performance.now() - startedAt;
      if (isHere) break;
      if (bytes < (waitedMs / 1000) * pace.bytesPerSecondMin) {
        throw new CodedError("BODY_TOO_SLOW", "timeout", "the body came too slowly");
      }
      [waitedMs, bytes] = [0, 0];
    }
    const { value, done } = await message;
    if (call.cancelled) throw aborted();
    if (done) return undefined;
    bytes += value.chunk?.length ?? 0;
    yield value;
  }
}

const aborted = () => new CodedError("BODY_ABORTED", "invalid", "the call ended before the body was complete");

/** True when the message has come, false when the time is over. @throws what the message throws, or BODY_ABORTED */
async function comesWithin(call: PutCall, message: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  let leave = () => {};
  try {
    return await Promise.race([
      message.then(() => true),
      new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), Math.max(1, timeoutMs));
      }),
      new Promise<never>((_, reject) => {
        leave = () => reject(aborted());
        if (call.cancelled) leave();
        else call.once("cancelled", leave);
      }),
    ]);
  } finally {
    clearTimeout(timer);
    call.off("cancelled", leave);
  }
}
