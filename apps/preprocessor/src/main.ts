import { runMain } from "@granary/service-runtime";
import { createApp } from "./app.module.js";
import { readPreprocessorConfig } from "./config.js";

await runMain(() => readPreprocessorConfig(process.env), createApp);
