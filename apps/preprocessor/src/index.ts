export { createApp } from "./app.module.js";
export { type PreprocessorConfig, readPreprocessorConfig } from "./config.js";
