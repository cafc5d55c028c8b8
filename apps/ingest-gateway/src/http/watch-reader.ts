import type { ServerResponse } from "node:http";

export interface ReaderPace {
  /** How long a reader may stay below the least rate while bytes wait for it. */
  readonly stallMs: number;
  readonly bytesPerSecondMin: number;
}

const LOOKS_PER_STALL = 20;

/**
 * Ends the connection of a client that does not take what it asked for: each holds a connection here and one to
 * retrieval. Only time in which bytes wait for the client counts, not that in which we have none for it.
 */
export function watchReader(response: ServerResponse, pace: ReaderPace, onSlow: () => void): void {
  const everyMs = pace.stallMs / LOOKS_PER_STALL;
  let waitedMs = 0;
  let takenBefore = takenBy(response);
  let hasWaited = false;
  const timer = setInterval(() => {
    const isWaiting = response.socket !== null && response.socket.writableLength > 0;
    if (isWaiting && hasWaited) waitedMs += everyMs;
    hasWaited = isWaiting;
    if (waitedMs < pace.stallMs) return;
    const taken = takenBy(response);
    if (taken - takenBefore < (waitedMs / 1000) * pace.bytesPerSecondMin) {
      clearInterval(timer);
      onSlow();
      response.destroy();
    }
    waitedMs = 0;
    takenBefore = taken;
  }, everyMs);
  timer.unref();
  response.once("close", () => clearInterval(timer));
}

/** What the kernel has taken over: bytes that still wait in the process are among those written. */
function takenBy({ socket }: ServerResponse): number {
  return socket === null ? 0 : socket.bytesWritten - socket.writableLength;
}
