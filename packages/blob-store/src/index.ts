export * from "./blob-store.js";
export { createFilesystemBlobStore } from "./filesystem-blob-store.js";
export { removeStaleIncoming } from "./remove-stale-incoming.js";
