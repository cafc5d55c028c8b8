import type { Agent, Dispatcher } from "undici";
import { type Endpoint, parseEndpoint } from "./endpoint.js";
import { ENVELOPE_BYTES_MAX } from "./envelope.js";
import { asMinerError, isStaleConnection, MinerError } from "./errors.js";
import { type Pace, type PaceLimits, watchPace } from "./pace.js";
import { aborted, type Slots } from "./slots.js";

export interface Wire {
  readonly agent: Agent;
  readonly pace: PaceLimits;
  /** @throws MinerError MINER_ENDPOINT_INVALID, MINER_ADDRESS_FORBIDDEN */
  check(endpoint: Endpoint): void;
  /** Calls at a time to the miner at this origin, and to all miners together. */
  slotsOf(origin: string): readonly Slots[];
}

export interface Exchange {
  readonly endpoint: string;
  readonly method: "GET" | "PUT";
  readonly path: string;
  readonly headers: Record<string, string>;
  /** Made anew for each attempt; told how to count what the socket took. */
  readonly body?: (pace: () => Pace) => AsyncIterable<Uint8Array>;
  /** From the request sent to the first byte of the answer. */
  readonly answerTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData["headers"];
  /** Chunks as they come, under the rule of the slowest pace. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * One request and its answer, bounded in every direction: slots, time to the first byte, pace of both bodies. `receive`
 * reads the answer; whatever it leaves unread is cut off with the connection.
 */
export async function exchange<T>(wire: Wire, call: Exchange, receive: (answer: Answer) => Promise<T>): Promise<T> {
  const endpoint = parseEndpoint(call.endpoint);
  wire.check(endpoint);
  const releases: (() => void)[] = [];
  try {
    for (const slots of wire.slotsOf(endpoint.origin)) releases.push(await slots.take(call.signal));
    return await attempt(wire, endpoint, call, receive);
  } catch (error) {
    // A kept connection that the miner closed meanwhile tells nothing about the miner; every route is idempotent.
    if (!isStaleConnection(error instanceof MinerError ? error.cause : error) || call.signal?.aborted === true)
      throw error;
    return await attempt(wire, endpoint, call, receive);
  } finally {
    for (const release of releases) release();
  }
}

async function attempt<T>(
  wire: Wire,
  endpoint: Endpoint,
  call: Exchange,
  receive: (answer: Answer) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(aborted(call.signal));
  if (call.signal?.aborted === true) onAbort();
  call.signal?.addEventListener("abort", onAbort, { once: true });
  const watches = createWatches(wire.pace, call.answerTimeoutMs, (phase) =>
    stop.abort(new MinerError("MINER_TIMEOUT", "the miner is too slow", { phase })),
  );
  let hasAnswered = false;
  try {
    watches.expectAnswer();
    const response = await wire.agent.request({
      origin: endpoint.origin,
      path: `${endpoint.basePath}${call.path}`,
      method: call.method,
      headers: call.headers,
      body: call.body === undefined ? null : (counted(call.body, watches) as never),
      signal: stop.signal,
    });
    hasAnswered = true;
    response.body.on("error", () => undefined);
    const chunks = paced(response.body, watches.startPace("download"));
    try {
      return await receive({ status: response.statusCode, headers: response.headers, chunks });
    } finally {
      response.body.destroy();
    }
  } catch (error) {
    if (stop.signal.aborted) throw stop.signal.reason;
    const failure = asMinerError(error);
    // After the first byte the connection was not stale: hide the cause, so that no second attempt is made.
    throw hasAnswered && failure !== error ? new MinerError(failure.code, failure.message, failure.details) : failure;
  } finally {
    watches.stop();
    call.signal?.removeEventListener("abort", onAbort);
  }
}

interface Watches {
  expectAnswer(): void;
  startPace(phase: "upload" | "download"): Pace;
  stop(): void;
}

/** One clock at a time: either the answer is awaited, or bytes must move. */
function createWatches(limits: PaceLimits, answerTimeoutMs: number, onLate: (phase: string) => void): Watches {
  let pace: Pace | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isAnswering = false;
  const stop = (): void => {
    pace?.stop();
    clearTimeout(timer);
  };
  return {
    stop,
    expectAnswer: () => {
      // An answer may begin before the request has ended: then its pace is what counts.
      if (isAnswering) return;
      stop();
      timer = setTimeout(() => onLate("answer"), answerTimeoutMs);
    },
    startPace: (phase) => {
      stop();
      isAnswering ||= phase === "download";
      pace = watchPace(limits, () => onLate(phase));
      return pace;
    },
  };
}

async function* counted(body: NonNullable<Exchange["body"]>, watches: Watches): AsyncGenerator<Uint8Array> {
  yield* body(() => watches.startPace("upload"));
  watches.expectAnswer();
}

async function* paced(body: AsyncIterable<Uint8Array>, pace: Pace): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    pace.moved(chunk.length);
    yield chunk;
  }
}

/** The whole of a short answer. @throws MinerError MINER_PROTOCOL when it is not short */
export async function readShort(answer: Answer): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.chunks) {
    length += chunk.length;
    if (length > ENVELOPE_BYTES_MAX) throw new MinerError("MINER_PROTOCOL", "the miner's answer has no end");
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}
