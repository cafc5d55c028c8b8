export * from "./log.js";
export * from "./outcome.js";
export * from "./register.js";
