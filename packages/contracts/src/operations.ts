import { z } from "zod";
import { request, type Service } from "./contract.js";
import { actor, failure, operatorReason, uploadId } from "./field.js";

/** A message that its handler could not take, and that is not delivered again by itself. */
export const deadLetter = z.object({
  id: z.uuid(),
  /** Name of the event's contract. */
  event: z.string(),
  messageId: z.string(),
  payload: z.unknown(),
  code: z.string(),
  reason: z.string(),
  deliveries: z.int().nonnegative(),
  createdAt: z.iso.datetime(),
  /** W3C traceparent of the message. */
  trace: z.string().nullable(),
});
export type DeadLetterView = z.infer<typeof deadLetter>;

/** Dead letters that nobody has settled, oldest first; `after` continues a listing. */
const deadLetters = <const S extends Service>(server: S) =>
  request({
    subject: `granary.${server}-dead-letters.list.v1`,
    server,
    timeoutMs: 5_000,
    input: z.object({ after: z.uuid().nullable(), count: z.int().min(1).max(1000) }),
    output: z.object({ letters: z.array(deadLetter) }),
  });

/** Handled after all, or given up for good; written down with who did it. Answers when it is done. */
const deadLetterSettle = <const S extends Service>(server: S) =>
  request({
    subject: `granary.${server}-dead-letter.settle.v1`,
    server,
    timeoutMs: 20_000,
    input: z.object({ id: z.uuid(), how: z.enum(["replay", "discard"]), actor, reason: operatorReason }),
    output: z.object({ event: z.string() }),
  });

export const queue = z.object({
  name: z.string(),
  waiting: z.int().nonnegative(),
  delayed: z.int().nonnegative(),
  active: z.int().nonnegative(),
});
export type QueueView = z.infer<typeof queue>;

export const encodingDeadLetters = deadLetters("preprocessor");
export const encodingDeadLetterSettle = deadLetterSettle("preprocessor");
export const dealDeadLetters = deadLetters("scheduler");
export const dealDeadLetterSettle = deadLetterSettle("scheduler");

/** Jobs of the preprocessor. */
export const encodingQueues = request({
  subject: "granary.encoding-queues.show.v1",
  server: "preprocessor",
  timeoutMs: 5_000,
  input: z.object({}),
  output: z.object({ queues: z.array(queue) }),
});

/** How far the encoding of an upload is; null where the upload was never heard of. */
export const encodingShow = request({
  subject: "granary.encoding.show.v1",
  server: "preprocessor",
  timeoutMs: 5_000,
  input: z.object({ uploadId }),
  output: z.object({
    encoding: z
      .object({
        state: z.enum(["queued", "encoding", "encoded", "failed"]),
        attempts: z.int().nonnegative(),
        segmentCount: z.int().nonnegative(),
        encodedSegments: z.int().nonnegative(),
        leaseUntil: z.iso.datetime().nullable(),
        failure: failure.nullable(),
      })
      .nullable(),
  }),
});

export const pause = z.object({ actor, reason: operatorReason, since: z.iso.datetime() });

/** Jobs of the scheduler, and whether an operator has paused placing. */
export const dealQueues = request({
  subject: "granary.deal-queues.show.v1",
  server: "scheduler",
  timeoutMs: 5_000,
  input: z.object({}),
  output: z.object({ queues: z.array(queue), placementPause: pause.nullable() }),
});

/** While placing is paused no column is given to a miner; what is on its way goes on, and reports are heard. */
export const placementPause = request({
  subject: "granary.placement.pause.v1",
  server: "scheduler",
  timeoutMs: 5_000,
  input: z.object({ isPaused: z.boolean(), actor, reason: operatorReason }),
  output: z.object({ placementPause: pause.nullable() }),
});
