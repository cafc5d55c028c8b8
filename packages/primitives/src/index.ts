export * from "./brand.js";
export * from "./bytes.js";
export * from "./error.js";
export * from "./id.js";
export * from "./layout.js";
export * from "./result.js";
export * from "./unit.js";
