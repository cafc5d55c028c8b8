import type { Brand } from "./brand.js";
import { CodedError } from "./error.js";

/** SHA-256 in 64 lowercase hexadecimal characters; on chain the 64 ASCII bytes of that text. */
export type Digest = Brand<string, "Digest">;
/** Digest of a whole file: the root of the hash tree over its segment hashes. */
export type Fid = Brand<Digest, "Fid">;
/** SHA-256 of a padded (and, where asked, encrypted) segment. */
export type SegmentHash = Brand<Digest, "SegmentHash">;
/** SHA-256 of one erasure-coded fragment. */
export type FragmentHash = Brand<Digest, "FragmentHash">;
/** SS58 text of an account with the CESS prefix. */
export type AccountId = Brand<string, "AccountId">;
/** One upload through this gateway (UUID). Two uploads of equal bytes have different ids and one FID. */
export type UploadId = Brand<string, "UploadId">;

const digestForm = /^[0-9a-f]{64}$/;
const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export const isDigest = (text: string): text is Digest => digestForm.test(text);

/** @throws CodedError FID_INVALID (invalid) */
export function parseFid(text: string): Fid {
  if (!isDigest(text)) throw new CodedError("FID_INVALID", "invalid", "a FID is 64 lowercase hexadecimal characters");
  return text as Fid;
}

/** @throws CodedError FRAGMENT_HASH_INVALID (invalid) */
export function parseFragmentHash(text: string): FragmentHash {
  if (!isDigest(text)) {
    throw new CodedError("FRAGMENT_HASH_INVALID", "invalid", "a fragment hash is 64 lowercase hexadecimal characters");
  }
  return text as FragmentHash;
}

/** @throws CodedError UPLOAD_ID_INVALID (invalid) */
export function parseUploadId(text: string): UploadId {
  if (!uuidForm.test(text)) throw new CodedError("UPLOAD_ID_INVALID", "invalid", "an upload id is a lowercase UUID");
  return text as UploadId;
}

/** Digest text from raw bytes. @throws RangeError when it is not 32 bytes */
export function digestOf(bytes: Uint8Array): Digest {
  if (bytes.length !== 32) throw new RangeError(`a SHA-256 digest has 32 bytes, not ${bytes.length}`);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex") as Digest;
}
