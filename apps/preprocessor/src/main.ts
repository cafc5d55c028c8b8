import { runMain } from "@granary/service-runtime";
import { createApp } from "./app.module.js";
import { readPreprocessorConfig } from "./config.js";

await runMain(() => createApp(readPreprocessorConfig(process.env)), { graceMs: 15_000 });
