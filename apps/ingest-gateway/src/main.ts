import { readConfig, runMain } from "@granary/service-runtime";
import { createApp } from "./app.module.js";
import { gatewaySettings } from "./config.js";

await runMain(() => readConfig(gatewaySettings, process.env), createApp);
