import { runMain } from "@granary/service-runtime";
import { createApp } from "./app.module.js";
import { readRetrievalConfig } from "./config.js";

await runMain(() => createApp(readRetrievalConfig(process.env)), { graceMs: 15_000 });
