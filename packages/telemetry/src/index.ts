export * from "./log.js";
export * from "./outcome.js";
export * from "./register.js";
export * from "./trace.js";
export * from "./tracing.js";
