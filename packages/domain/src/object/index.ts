export { type CipherKey, cipherKeyOf, decryptSegment, encryptSegment, opensWith } from "./cess-cipher.js";
export { fidOf } from "./fid.js";
export {
  columnOf,
  type ManifestFault,
  manifestFault,
  type ObjectManifest,
  type SegmentManifest,
  sealManifest,
} from "./manifest.js";
export { checkFileName } from "./name.js";
export { type ContentDifference, type ContentOnChain, compareContent, type Sameness } from "./same-content.js";
export {
  type ByteRange,
  CHUNK_BYTES,
  CHUNK_PLAIN_BYTES,
  CHUNK_TAG_BYTES,
  checkObjectSize,
  chunkCountOf,
  type Encryption,
  encryptionOfStaged,
  fitsTerritory,
  objectBytesMax,
  plainBytesPerSegment,
  segmentCountOf,
  segmentRange,
  segmentRanges,
  stagedBytesOf,
  territoryBytesOf,
} from "./segmentation.js";
