export { type NodeProcess, type NodeProcessOptions, startNodeProcess, superviseNodeProcess } from "./process.js";
export type { ChildExit } from "./server/child-process.js";
export type { Server, ServerName, ServerOptions } from "./server/embedded-server.js";
export { freePort } from "./server/free-port.js";
export { startNats } from "./server/nats.js";
export { poll } from "./server/poll.js";
export { createDatabase, type PostgresOptions, startPostgres } from "./server/postgres.js";
export { startRedis } from "./server/redis.js";
export { temporaryFolder } from "./temporary-folder.js";
