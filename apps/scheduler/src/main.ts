import { runMain } from "@granary/service-runtime";
import { createApp } from "./app.module.js";
import { readSchedulerConfig } from "./config.js";

await runMain(() => createApp(readSchedulerConfig(process.env)), { graceMs: 20_000 });
