import { runMain } from "@granary/service-runtime";
import { createApp } from "./app.module.js";
import { readIndexerConfig } from "./config.js";

await runMain(() => readIndexerConfig(process.env), createApp);
