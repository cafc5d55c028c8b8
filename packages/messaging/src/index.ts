export * from "./connection.js";
export * from "./consumer.js";
export type * from "./mailbox.js";
export { type ConsumeOutcome, observeRequester, observeResponders } from "./metrics.js";
export * from "./relay.js";
export * from "./requester.js";
export { traceOf } from "./trace-headers.js";
