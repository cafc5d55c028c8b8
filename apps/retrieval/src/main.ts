import { runMain } from "@granary/service-runtime";
import { createApp } from "./app.module.js";
import { readRetrievalConfig } from "./config.js";

await runMain(() => readRetrievalConfig(process.env), createApp);
