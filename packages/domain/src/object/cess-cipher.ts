import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import { type Brand, CodedError, MiB, SEGMENT_BYTES } from "@granary/primitives";
import type { ByteRange } from "./segmentation.js";

const ALGORITHM = "aes-256-cbc";
const KEY_BYTES = 32;
const BLOCK_BYTES = 16;
/** One call over a whole segment costs OpenSSL's caller up to three times as much as slices of this size. */
const SLICE_BYTES = MiB;

/** The key of the CESS `Cipher` mode, opaque: neither JSON nor a log shows what is in it. */
export type CipherKey = Brand<KeyObject, "CipherKey">;

/** The initial vector is the beginning of the key, and so the same for every segment. */
const ivOf = (key: CipherKey): Buffer => key.export().subarray(0, BLOCK_BYTES);

/**
 * The text itself, filled with ASCII zeros, is the key. Compatible, not strong: no derivation cost, no
 * authentication, equal objects under equal keys look equal.
 * @throws CodedError CIPHER_EMPTY, CIPHER_TOO_LONG (invalid)
 */
export function cipherKeyOf(cipher: string): CipherKey {
  const text = Buffer.from(cipher, "utf8");
  if (text.length === 0) throw new CodedError("CIPHER_EMPTY", "invalid", "a cipher has at least one byte");
  if (text.length > KEY_BYTES) {
    throw new CodedError("CIPHER_TOO_LONG", "invalid", `a cipher has at most ${KEY_BYTES} bytes`, {
      cipherBytes: text.length,
    });
  }
  const key = Buffer.alloc(KEY_BYTES, "0");
  text.copy(key);
  return createSecretKey(key) as CipherKey;
}

/**
 * One segment of ciphertext: the plain bytes, zeros up to the segment's capacity, and a block of padding, so that the
 * result has exactly `segmentBytes`. Each segment is a chain of its own.
 * @throws CodedError SEGMENT_LENGTH_INVALID (bug)
 */
export function encryptSegment(plain: Uint8Array, key: CipherKey, segmentBytes: number = SEGMENT_BYTES): Uint8Array {
  checkSegmentLength(segmentBytes);
  const capacity = segmentBytes - BLOCK_BYTES;
  if (plain.length > capacity) {
    throw new CodedError("SEGMENT_LENGTH_INVALID", "bug", "more plain bytes than a segment carries", {
      plainBytes: plain.length,
      capacity,
    });
  }
  const segment = new Uint8Array(segmentBytes);
  const cipher = createCipheriv(ALGORITHM, key, ivOf(key));
  let written = 0;
  const put = (bytes: Buffer) => {
    segment.set(bytes, written);
    written += bytes.length;
  };
  for (let from = 0; from < plain.length; from += SLICE_BYTES) {
    put(cipher.update(plain.subarray(from, from + SLICE_BYTES)));
  }
  const zeros = new Uint8Array(Math.min(SLICE_BYTES, capacity));
  for (let left = capacity - plain.length; left > 0; left -= zeros.length) {
    put(cipher.update(zeros.subarray(0, Math.min(left, zeros.length))));
  }
  put(cipher.final());
  return segment;
}

/**
 * Whether `key` opens a segment that ends in these bytes (two blocks or more). The padding of a full segment is a
 * whole block, so a wrong key passes once in 2^128: enough to refuse before the first byte goes out.
 */
export function opensWith(segmentTail: Uint8Array, key: CipherKey): boolean {
  if (segmentTail.length < 2 * BLOCK_BYTES) throw new RangeError("two blocks are needed to see the padding");
  const iv = segmentTail.subarray(segmentTail.length - 2 * BLOCK_BYTES, segmentTail.length - BLOCK_BYTES);
  const last = decryptBlocks(segmentTail.subarray(segmentTail.length - BLOCK_BYTES), key, iv);
  return last.every((byte) => byte === BLOCK_BYTES);
}

/**
 * Plain bytes `within.start` ≤ offset < `within.end` of a whole, verified segment. In CBC a block needs only the one
 * before it, so just the blocks that the range touches are decrypted. Which of a last segment's bytes are padding of
 * the object is the caller's knowledge: `within` never reaches beyond the object's size.
 * @throws CodedError SEGMENT_LENGTH_INVALID, RANGE_INVALID (bug), CIPHER_WRONG (denied)
 */
export function decryptSegment(segment: Uint8Array, key: CipherKey, within: ByteRange): Uint8Array {
  checkSegmentLength(segment.length);
  const { start, end } = within;
  if (!(start >= 0 && start <= end && end <= segment.length - BLOCK_BYTES)) {
    throw new CodedError("RANGE_INVALID", "bug", "the range does not lie in the segment's plain bytes", { start, end });
  }
  if (!opensWith(segment, key)) {
    throw new CodedError("CIPHER_WRONG", "denied", "the cipher does not open this object");
  }
  const firstByte = start - (start % BLOCK_BYTES);
  const lastByte = Math.ceil(end / BLOCK_BYTES) * BLOCK_BYTES;
  const iv = firstByte === 0 ? ivOf(key) : segment.subarray(firstByte - BLOCK_BYTES, firstByte);
  const blocks = decryptBlocks(segment.subarray(firstByte, lastByte), key, iv);
  return blocks.subarray(start - firstByte, end - firstByte);
}

function decryptBlocks(blocks: Uint8Array, key: CipherKey, iv: Uint8Array): Uint8Array {
  const plain = new Uint8Array(blocks.length);
  const decipher = createDecipheriv(ALGORITHM, key, iv).setAutoPadding(false);
  for (let from = 0; from < blocks.length; from += SLICE_BYTES) {
    plain.set(decipher.update(blocks.subarray(from, from + SLICE_BYTES)), from);
  }
  decipher.final();
  return plain;
}

function checkSegmentLength(segmentBytes: number): void {
  if (segmentBytes < 2 * BLOCK_BYTES || segmentBytes % BLOCK_BYTES !== 0) {
    throw new CodedError("SEGMENT_LENGTH_INVALID", "bug", "a segment is a whole number of blocks, two at least", {
      segmentBytes,
    });
  }
}
