export { createCodec } from "./choose-codec.js";
export type { ErasureCodec } from "./codec.js";
export { hashSegment, type SegmentDigests } from "./hash-segment.js";
