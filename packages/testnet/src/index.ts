export {
  allColumns,
  type Cast,
  type ChainProcess,
  connect,
  createCast,
  declare,
  fileOf,
  minerCalls,
  prepareNetwork,
  report,
  startChain,
} from "./chain/dev-chain.js";
export { type ControlledMiner, type MinerBehaviour, minerControl } from "./network/miner-control.js";
export { type Network, type NetworkOptions, startNetwork } from "./network/network.js";
export { developmentKeys, type ServiceName } from "./network/service-environment.js";
export { type NodeProcess, type NodeProcessOptions, startNodeProcess, superviseNodeProcess } from "./process.js";
export type { ChildExit } from "./server/child-process.js";
export type { Server, ServerName, ServerOptions } from "./server/embedded-server.js";
export { freePort } from "./server/free-port.js";
export { startNats } from "./server/nats.js";
export { poll } from "./server/poll.js";
export { createDatabase, type PostgresOptions, startPostgres } from "./server/postgres.js";
export { type Prometheus, runPromtool, startPrometheus } from "./server/prometheus.js";
export { startRedis } from "./server/redis.js";
export { temporaryFolder } from "./temporary-folder.js";
