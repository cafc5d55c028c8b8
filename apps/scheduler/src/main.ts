import { runMain } from "@granary/service-runtime";
import { createApp } from "./app.module.js";
import { readSchedulerConfig } from "./config.js";

await runMain(() => readSchedulerConfig(process.env), createApp);
