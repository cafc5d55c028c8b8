import type { Log, Register } from "@granary/telemetry";
import { type Loop, runLoop, type Step } from "./loop.js";
import { observeStep } from "./loop-metrics.js";
import type { Part } from "./service.js";

const PRUNE_EVERY_MS = 600_000;
/** As long as the stream keeps its messages: none can come again after its row here is gone. */
const MESSAGES_KEPT_MS = 7 * 86_400_000;

/** Outbox or inbox, as far as it grows. */
export interface Mailbox {
  prune(before: Date): Promise<number>;
}

/** What a service starts, written down in the order in which it starts. */
export interface Wiring {
  /** In the order of starting: `startService` stops them the other way round. */
  readonly parts: Part[];
  /** Notes how `part` is stopped, and hands it on. */
  readonly started: <T>(name: string, part: T, stop: (part: T) => Promise<unknown>) => T;
  /** Starts a loop that stops with the service. */
  readonly loop: (name: string, step: Step, idleMs: number) => Loop;
  /** Keeps mailboxes from growing for ever. */
  readonly pruneMailboxes: (...mailboxes: readonly Mailbox[]) => Loop;
}

export function createWiring(log: Log, register: Register): Wiring {
  const parts: Part[] = [];
  const started: Wiring["started"] = (name, part, stop) => {
    parts.push({ name, stop: async () => void (await stop(part)) });
    return part;
  };
  const loop: Wiring["loop"] = (name, step, idleMs) =>
    started(name, runLoop({ name, step: observeStep(register, name, step), idleMs, log }), (it) => it.stop());
  const pruneMailboxes: Wiring["pruneMailboxes"] = (...mailboxes) =>
    loop(
      "prune",
      async () => {
        for (const mailbox of mailboxes) await mailbox.prune(new Date(Date.now() - MESSAGES_KEPT_MS));
        return "idle";
      },
      PRUNE_EVERY_MS,
    );
  return { parts, started, loop, pruneMailboxes };
}
