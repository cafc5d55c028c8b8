export { createApp } from "./app.module.js";
export { type RetrievalConfig, readRetrievalConfig } from "./config.js";
