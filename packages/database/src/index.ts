export * from "./audit.js";
export * from "./client.js";
export * from "./dead-letters.js";
export { Prisma } from "./generated/prisma/client.js";
export * from "./generated/prisma/enums.js";
export type * from "./generated/prisma/models.js";
export * from "./mailbox.js";
export * from "./migrate.js";
export * from "./session-lock.js";
