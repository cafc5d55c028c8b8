export * from "./connection.js";
export * from "./consumer.js";
export type * from "./mailbox.js";
export * from "./relay.js";
export * from "./requester.js";
