import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import { type Brand, CodedError } from "@granary/primitives";
import { CHUNK_PLAIN_BYTES, CHUNK_TAG_BYTES } from "../object/segmentation.js";

const ALGORITHM = "aes-256-gcm";
export const KEY_BYTES = 32;
export const PREFIX_BYTES = 7;
const NONCE_BYTES = 12;
const COUNTER_MAX = 0xffff_ffff;

/** The key of one object, drawn for it alone; opaque: neither JSON nor a log shows what is in it. */
export type DataKey = Brand<KeyObject, "DataKey">;

/** @throws CodedError DATA_KEY_INVALID (bug) */
export function dataKeyOf(bytes: Uint8Array): DataKey {
  if (bytes.length !== KEY_BYTES) throw new CodedError("DATA_KEY_INVALID", "bug", `a key has ${KEY_BYTES} bytes`);
  return createSecretKey(bytes) as DataKey;
}

/** Where a chunk stands. Authenticated with it: it opens in no other place, and not as another object's. */
export interface ChunkPlace {
  /** Drawn anew each time that bytes are encrypted for a place, so that two attempts never share a nonce. */
  readonly prefix: Uint8Array;
  /** Number in the object, from 0. */
  readonly index: number;
  /** The object ends with it. */
  readonly isLast: boolean;
}

/**
 * The STREAM construction: prefix (7 bytes) ‖ number of the chunk (4, big-endian) ‖ whether it is the last (1). A chunk
 * that is moved, left out or put in, and an object that is cut off, do not authenticate.
 */
function nonceOf({ prefix, index, isLast }: ChunkPlace): Uint8Array {
  if (prefix.length !== PREFIX_BYTES || !Number.isInteger(index) || index < 0 || index > COUNTER_MAX) {
    throw new CodedError("CHUNK_PLACE_INVALID", "bug", "there is no chunk in this place", { index });
  }
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.set(prefix);
  nonce.writeUInt32BE(index, PREFIX_BYTES);
  nonce[NONCE_BYTES - 1] = isLast ? 1 : 0;
  return nonce;
}

/**
 * Ciphertext and tag of one chunk. All but the last chunk of an object are full.
 * @throws CodedError CHUNK_LENGTH_INVALID (bug)
 */
export function encryptChunk(plain: Uint8Array, key: DataKey, place: ChunkPlace): Uint8Array {
  checkLength(plain.length, place);
  const cipher = createCipheriv(ALGORITHM, key, nonceOf(place));
  const chunk = new Uint8Array(plain.length + CHUNK_TAG_BYTES);
  chunk.set(cipher.update(plain));
  cipher.final();
  chunk.set(cipher.getAuthTag(), plain.length);
  return chunk;
}

/**
 * The plain bytes of one chunk, all of them authentic: where they are not, none come.
 * @throws CodedError CHUNK_NOT_AUTHENTIC (corrupt), CHUNK_LENGTH_INVALID (bug)
 */
export function decryptChunk(chunk: Uint8Array, key: DataKey, place: ChunkPlace): Uint8Array {
  const plainBytes = chunk.length - CHUNK_TAG_BYTES;
  checkLength(plainBytes, place);
  const decipher = createDecipheriv(ALGORITHM, key, nonceOf(place), { authTagLength: CHUNK_TAG_BYTES });
  decipher.setAuthTag(chunk.subarray(plainBytes));
  const plain = decipher.update(chunk.subarray(0, plainBytes));
  try {
    decipher.final();
  } catch {
    throw new CodedError("CHUNK_NOT_AUTHENTIC", "corrupt", "a chunk is not what was encrypted for its place", {
      chunk: place.index,
    });
  }
  return plain;
}

function checkLength(plainBytes: number, { index, isLast }: ChunkPlace): void {
  const isRight = isLast ? plainBytes > 0 && plainBytes <= CHUNK_PLAIN_BYTES : plainBytes === CHUNK_PLAIN_BYTES;
  if (!isRight) {
    throw new CodedError("CHUNK_LENGTH_INVALID", "bug", "only the last chunk may be short, and none is empty", {
      index,
      plainBytes,
    });
  }
}
