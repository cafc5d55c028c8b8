import { setMaxListeners } from "node:events";
import type { Log } from "@granary/telemetry";

/** One unit of long work: tells the loop whether there is more, or when to come back. */
export type Step = (signal: AbortSignal) => Promise<"busy" | "idle" | { readonly throttledMs: number }>;

export interface Loop {
  /** Ends the pause, when there is one. */
  nudge(): void;
  /** Asks the running step to stop and waits for it. */
  stop(): Promise<void>;
}

const ERROR_PAUSE_MS = 1_000;
const ERROR_PAUSE_MAX_MS = 15_000;

/** Runs a step again and again: at once while it is busy, after `idleMs` when not, later and later while it fails. */
export function runLoop(options: { name: string; step: Step; idleMs: number; log: Log }): Loop {
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal);
  let wake = () => {};
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (stopping.signal.aborted) wake();
    });

  async function run(): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      let pauseMs = options.idleMs;
      try {
        const outcome = await options.step(stopping.signal);
        failures = 0;
        if (outcome === "busy") pauseMs = 0;
        else if (outcome !== "idle") pauseMs = outcome.throttledMs;
      } catch (error) {
        if (stopping.signal.aborted) return;
        failures += 1;
        pauseMs = Math.min(ERROR_PAUSE_MAX_MS, ERROR_PAUSE_MS * 2 ** (failures - 1));
        options.log.thrown(`${options.name} failed and will try again`, error, { loop: options.name, pauseMs });
      }
      // Also a busy loop lets the event loop breathe.
      await (pauseMs > 0 ? pause(pauseMs) : new Promise((resolve) => setImmediate(resolve)));
    }
  }

  const done = run();
  return {
    nudge: () => wake(),
    async stop() {
      stopping.abort();
      wake();
      await done;
    },
  };
}
