export { type App, createApp } from "./app.js";
export { type Behaviour, type BehaviourKind, behaviourSchema, honest } from "./behaviour.js";
export { type MinerConfig, readMinerConfig } from "./config.js";
export { type Attestor, masterOf, unchecked } from "./flow/attest.js";
export { createMinerHost, type MinerHost, type MinerHostConfig, startMiners } from "./host.js";
export { createMinerMetrics, type MinerMetrics } from "./metrics.js";
export type { MinerCounters, MinerSpec, StorageMiner } from "./miner.js";
export type { MinerTiming } from "./ports.js";
