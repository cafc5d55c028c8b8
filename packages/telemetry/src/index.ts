export * from "./log.js";
export * from "./register.js";
