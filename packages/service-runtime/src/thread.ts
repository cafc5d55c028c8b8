import { parentPort } from "node:worker_threads";
import { asCodedError, type ErrorEnvelope } from "@granary/primitives";

/** What a thread gives back; buffers in `transfer` change hands without being copied. */
export interface ThreadAnswer<Result> {
  readonly value: Result;
  readonly transfer?: readonly ArrayBuffer[];
}

export interface ThreadOrder<Task> {
  readonly id: number;
  readonly task: Task;
}

export type ThreadReply<Result> =
  | { readonly id: number; readonly ok: true; readonly value: Result }
  | { readonly id: number; readonly ok: false; readonly error: ErrorEnvelope };

/** The body of a worker thread: answers one task after the other. The other side is `createThreadPool`. */
export function serveThread<Task, Result>(
  work: (task: Task) => ThreadAnswer<Result> | Promise<ThreadAnswer<Result>>,
): void {
  if (parentPort === null) throw new Error("this file is the body of a worker thread");
  const port = parentPort;
  port.on("message", async ({ id, task }: ThreadOrder<Task>) => {
    try {
      const { value, transfer = [] } = await work(task);
      port.postMessage({ id, ok: true, value } satisfies ThreadReply<Result>, [...transfer]);
    } catch (thrown) {
      port.postMessage({ id, ok: false, error: asCodedError(thrown).toEnvelope() } satisfies ThreadReply<Result>);
    }
  });
}
