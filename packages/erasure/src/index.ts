export { createCodec } from "./choose-codec.js";
export { createHashEach, createSegmentHasher, type HashEach } from "./choose-hasher.js";
export type { ErasureCodec, FragmentPlace } from "./codec.js";
export { hashFragments, hashSegment, type SegmentDigests } from "./hash-segment.js";
export {
  type HashedSegments,
  type HashSegments,
  type SegmentHasherName,
  segmentHasherNames,
} from "./segment-hasher.js";
export { createSegmentMemory, type SegmentMemory, type Slot, slotOf, slotsMax } from "./segment-memory.js";
export { createSubspaceCodec as createReferenceCodec } from "./subspace-codec.js";
