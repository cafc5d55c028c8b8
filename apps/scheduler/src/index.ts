export type { Overrides } from "./adapters/open-resources.js";
export { createApp } from "./app.module.js";
export { readSchedulerConfig, type SchedulerConfig } from "./config.js";
export type { CallsPort, ChainPort, MinerGate, WriterPort } from "./ports.js";
