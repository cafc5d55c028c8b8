export * from "./accounts.js";
export * from "./connect.js";
export * from "./hash.js";
export * from "./types.js";
