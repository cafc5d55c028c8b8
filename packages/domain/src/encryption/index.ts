export {
  type ChunkPlace,
  type DataKey,
  dataKeyOf,
  decryptChunk,
  encryptChunk,
  KEY_BYTES,
  PREFIX_BYTES,
} from "./chunk.js";
export { type PrefixRun, packRuns, prefixesOf } from "./prefix-run.js";
export { type ChunkSpan, chunkSpanOf } from "./span.js";
export {
  type KeyBinding,
  partDigest,
  unwrapDataKey,
  WRAP_NONCE_BYTES,
  type WrappingKey,
  wrapDataKey,
  wrappingKeyOf,
} from "./wrap.js";
