export { createApp } from "./app.module.js";
export { type IndexerConfig, readIndexerConfig } from "./config.js";
