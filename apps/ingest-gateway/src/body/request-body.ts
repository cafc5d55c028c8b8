import type { IncomingMessage } from "node:http";
import { CodedError } from "@granary/primitives";

export interface BodyPace {
  /** How long a body may stay below the least rate. */
  readonly stallMs: number;
  readonly bytesPerSecondMin: number;
}

/**
 * The bytes of a request as they come, without taking more than is asked for. Only time spent waiting for the client
 * counts against its pace, not our own back-pressure. Leaving early keeps the connection open, so that an answer can
 * still be sent on it (an ordinary stream iterator would destroy it).
 *
 * @throws CodedError BODY_TOO_SLOW (timeout), BODY_ABORTED (invalid)
 */
export async function* requestBody(
  request: IncomingMessage,
  pace: BodyPace,
  observe: (bytes: number) => void = () => {},
): AsyncGenerator<Uint8Array> {
  let waitedMs = 0;
  let bytes = 0;
  for (;;) {
    const chunk = request.read() as Buffer | null;
    if (chunk !== null) {
      bytes += chunk.length;
      observe(chunk.length);
      yield chunk;
      continue;
    }
    if (request.readableEnded) return;
    const startedAt = performance.now();
    await readable(request, pace.stallMs);
    waitedMs += performance.now() - startedAt;
    if (waitedMs >= pace.stallMs) {
      if (bytes < (waitedMs / 1000) * pace.bytesPerSecondMin) {
        throw new CodedError("BODY_TOO_SLOW", "timeout", "the body came too slowly");
      }
      waitedMs = 0;
      bytes = 0;
    }
  }
}

/** Resolves when something can be read, when the body has ended, or after `timeoutMs`. */
function readable(request: IncomingMessage, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      for (const event of ["readable", "end"]) request.off(event, done);
      for (const event of ["error", "close", "aborted"]) request.off(event, failed);
    };
    const done = () => {
      settle();
      resolve();
    };
    const failed = () => {
      if (request.readableEnded) return done();
      settle();
      reject(new CodedError("BODY_ABORTED", "invalid", "the connection broke before the body was complete"));
    };
    const timer = setTimeout(done, timeoutMs);
    for (const event of ["readable", "end"]) request.on(event, done);
    for (const event of ["error", "close", "aborted"]) request.on(event, failed);
    if (request.destroyed && !request.readableEnded) failed();
  });
}
