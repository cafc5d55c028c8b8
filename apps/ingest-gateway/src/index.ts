export { createApp } from "./app.module.js";
export { type GatewayConfig, gatewaySettings } from "./config.js";
