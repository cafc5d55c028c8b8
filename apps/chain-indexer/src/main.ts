import { runMain } from "@granary/service-runtime";
import { createApp } from "./app.module.js";
import { readIndexerConfig } from "./config.js";

await runMain(() => createApp(readIndexerConfig(process.env)), { graceMs: 15_000 });
