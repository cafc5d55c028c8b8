import type { Database, UploadModel } from "@granary/database";
import { type Part, runLoop } from "@granary/service-runtime";
import type { Log } from "@granary/telemetry";
import type { UploadWatch } from "../ports.js";

const LOOK_EVERY_MS = 400;

interface Waiter {
  readonly resolve: (upload: UploadModel | null) => void;
}

/** Looks with one query for all uploads that somebody waits for. */
export function createUploadWatch(options: { database: Database; log: Log }): UploadWatch & { part: Part } {
  const waiting = new Map<string, Set<Waiter>>();
  const loop = runLoop({
    name: "upload watch",
    idleMs: LOOK_EVERY_MS,
    log: options.log,
    step: async () => {
      const ids = [...waiting.keys()];
      if (ids.length === 0) return "idle";
      const found = await options.database.upload.findMany({ where: { id: { in: ids } } });
      const uploads = new Map(found.map((upload) => [upload.id, upload]));
      for (const id of ids) {
        const waiters = waiting.get(id);
        waiting.delete(id);
        for (const waiter of waiters ?? []) waiter.resolve(uploads.get(id) ?? null);
      }
      return { throttledMs: LOOK_EVERY_MS };
    },
  });
  return {
    nudge: () => loop.nudge(),
    next: (uploadId, signal) =>
      new Promise((resolve, reject) => {
        const waiters = waiting.get(uploadId) ?? new Set();
        waiting.set(uploadId, waiters);
        const leave = () => {
          waiters.delete(waiter);
          reject(signal.reason);
        };
        const waiter: Waiter = {
          resolve: (upload) => {
            signal.removeEventListener("abort", leave);
            resolve(upload);
          },
        };
        waiters.add(waiter);
        if (signal.aborted) leave();
        else signal.addEventListener("abort", leave, { once: true });
      }),
    part: { name: "upload watch", stop: () => loop.stop() },
  };
}
