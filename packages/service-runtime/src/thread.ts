import { parentPort } from "node:worker_threads";
import { asCodedError, type ErrorEnvelope } from "@granary/primitives";

/** What a thread gives back; buffers in `transfer` change hands without being copied. */
export interface ThreadAnswer<Result> {
  readonly value: Result;
  readonly transfer?: readonly ArrayBuffer[];
}

export interface ThreadOrder<Task> {
  readonly id: number;
  /** One, or as many as the pool hands out together. */
  readonly tasks: readonly Task[];
}

export type ThreadReply<Result> =
  | { readonly id: number; readonly ok: true; readonly values: readonly Result[] }
  | { readonly id: number; readonly ok: false; readonly error: ErrorEnvelope };

type Work<Task, Answer> = (task: Task) => Answer | Promise<Answer>;

/** The body of a worker thread: answers one task after the other. The other side is `createThreadPool`. */
export function serveThread<Task, Result>(work: Work<Task, ThreadAnswer<Result>>): void {
  serveOrders<Task, Result>(async ([task]) => {
    const { value, transfer = [] } = await work(task as Task);
    return { values: [value], transfer };
  });
}

/** The body of a thread of a pool with a `groupMax`: answers all tasks that it is handed together, in their order. */
export function serveGroups<Task, Result>(work: Work<readonly Task[], readonly Result[]>): void {
  serveOrders<Task, Result>(async (tasks) => ({ values: await work(tasks), transfer: [] }));
}

interface Answers<Result> {
  readonly values: readonly Result[];
  readonly transfer: readonly ArrayBuffer[];
}

function serveOrders<Task, Result>(answer: (tasks: readonly Task[]) => Promise<Answers<Result>>): void {
  if (parentPort === null) throw new Error("this file is the body of a worker thread");
  const port = parentPort;
  port.on("message", async ({ id, tasks }: ThreadOrder<Task>) => {
    try {
      const { values, transfer } = await answer(tasks);
      port.postMessage({ id, ok: true, values } satisfies ThreadReply<Result>, [...transfer]);
    } catch (thrown) {
      port.postMessage({ id, ok: false, error: asCodedError(thrown).toEnvelope() } satisfies ThreadReply<Result>);
    }
  });
}
