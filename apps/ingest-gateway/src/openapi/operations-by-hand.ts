import { deadLetter, requests } from "@granary/contracts";
import { z } from "zod";

const { placementPause } = requests.placementPause.output.shape;
const pause = z.object({ placementPause });
const settled = requests.dealDeadLetterSettle.output;
const deed = ["Authorization", "reason"] as const;

const queues = z.object({
  queues: requests.dealQueues.output.shape.queues,
  placementPause,
  uploads: z.array(
    z.object({ state: z.string(), count: z.int().nonnegative(), oldestStep: z.iso.datetime().nullable() }),
  ),
});

const stuck = z.array(
  z.object({
    uploadId: z.uuid(),
    account: z.string(),
    name: z.string(),
    state: z.string(),
    text: z.string(),
    fid: z.string().nullable(),
    updatedAt: z.iso.datetime(),
    why: z.object({ code: z.string(), reason: z.string() }),
  }),
);

const records = z.array(
  z.object({
    id: z.string(),
    at: z.iso.datetime(),
    service: z.string(),
    actor: z.string(),
    action: z.string(),
    subject: z.string(),
    details: z.record(z.string(), z.unknown()),
    trace: z.string().nullable(),
  }),
);

/** What operators look at and do when something does not go on. */
export const operationsByHand = {
  "GET /operator/queues": {
    tag: "operator",
    summary: "Jobs that wait and run, uploads by state, whether placing is paused",
    reads: ["Authorization"],
    data: { 200: queues },
  },
  "GET /operator/uploads/stuck": {
    tag: "operator",
    summary: "Uploads that do not move, each with what holds it up",
    reads: ["Authorization", "still", "limit"],
    data: { 200: stuck },
  },
  "PUT /operator/uploads/:id/retry": {
    tag: "operator",
    summary: "Takes up an upload that does not go on",
    reads: deed,
    data: { 200: z.object({ how: z.enum(["announced", "resumed"]) }) },
  },
  "PUT /operator/placement/pause": {
    tag: "operator",
    summary: "Gives no more columns to miners; what is on its way goes on",
    reads: deed,
    data: { 200: pause },
  },
  "DELETE /operator/placement/pause": {
    tag: "operator",
    summary: "Goes on placing",
    reads: deed,
    data: { 200: pause },
  },
  "GET /operator/dead-letters/:service": {
    tag: "operator",
    summary: "Messages that a service has given up, oldest first",
    reads: ["Authorization", "after", "limit"],
    data: { 200: z.array(deadLetter) },
  },
  "PUT /operator/dead-letters/:service/:id/replay": {
    tag: "operator",
    summary: "Has such a message handled after all",
    reads: deed,
    data: { 200: settled },
  },
  "DELETE /operator/dead-letters/:service/:id": {
    tag: "operator",
    summary: "Gives such a message up for good",
    reads: deed,
    data: { 200: settled },
  },
  "GET /operator/audit": {
    tag: "operator",
    summary: "Who did what, newest first",
    reads: ["Authorization", "beforeId", "subject", "actor", "limit"],
    data: { 200: records },
  },
} as const;
