export { loadSigner, type Signer } from "@granary/chain-client";
export * from "./client.js";
export * from "./download.js";
export * from "./follow.js";
export * from "./gateway.js";
export * from "./read-object.js";
export * from "./source.js";
export * from "./upload.js";
