import { readConfig, runMain } from "@granary/service-runtime";
import { createApp } from "./app.module.js";
import { gatewaySettings } from "./config.js";

// Uploads that are being received may end within this time.
await runMain(() => createApp(readConfig(gatewaySettings, process.env)), { graceMs: 20_000 });
