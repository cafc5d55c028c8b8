import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import { type AccountId, CodedError, type UploadId } from "@granary/primitives";
import { type DataKey, dataKeyOf, KEY_BYTES } from "./chunk.js";

const ALGORITHM = "aes-256-gcm";
export const WRAP_NONCE_BYTES = 12;
const TAG_BYTES = 16;
const NO_SALT = new Uint8Array(0);

/** A key under which data keys are wrapped: the operator's, or the one that a customer sends with each request. */
export type WrappingKey = KeyObject;

/** @throws CodedError WRAPPING_KEY_INVALID (invalid) */
export function wrappingKeyOf(bytes: Uint8Array): WrappingKey {
  if (bytes.length !== KEY_BYTES) {
    throw new CodedError("WRAPPING_KEY_INVALID", "invalid", `a key has ${KEY_BYTES} bytes`);
  }
  return createSecretKey(bytes);
}

/** What a wrapped key belongs to; it is authenticated with it, so a key fits no other object, owner or size. */
export interface KeyBinding {
  readonly uploadId: UploadId;
  readonly account: AccountId;
  readonly sizeBytes: number;
}

/** Each owner's keys are wrapped under a key of their own, derived from the wrapping key. */
function ownersKeyOf(key: WrappingKey, account: AccountId): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync("sha256", key, NO_SALT, `granary data keys of ${account}`, KEY_BYTES)));
}

const boundTo = ({ uploadId, account, sizeBytes }: KeyBinding): Buffer =>
  Buffer.from(["granary aes-gcm 1", uploadId, account, sizeBytes].join("\n"));

/** The data key as it may be stored: nonce (12 bytes) ‖ ciphertext (32) ‖ tag (16). The nonce must be drawn anew. */
export function wrapDataKey(dataKey: DataKey, key: WrappingKey, binding: KeyBinding, nonce: Uint8Array): Uint8Array {
  const cipher = createCipheriv(ALGORITHM, ownersKeyOf(key, binding.account), nonce).setAAD(boundTo(binding));
  const wrapped = cipher.update(dataKey.export());
  cipher.final();
  return Buffer.concat([nonce, wrapped, cipher.getAuthTag()]);
}

/** @throws CodedError ENCRYPTION_KEY_WRONG (denied), where this is not the key, or not of this object */
export function unwrapDataKey(wrapped: Uint8Array, key: WrappingKey, binding: KeyBinding): DataKey {
  try {
    const end = wrapped.length - TAG_BYTES;
    const nonce = wrapped.subarray(0, WRAP_NONCE_BYTES);
    const decipher = createDecipheriv(ALGORITHM, ownersKeyOf(key, binding.account), nonce, {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(boundTo(binding)).setAuthTag(wrapped.subarray(end));
    const bytes = Buffer.concat([decipher.update(wrapped.subarray(WRAP_NONCE_BYTES, end)), decipher.final()]);
    return dataKeyOf(bytes);
  } catch {
    throw new CodedError("ENCRYPTION_KEY_WRONG", "denied", "the key does not open this object");
  }
}

/**
 * A digest of plain bytes that tells nothing to who has not the object's key: by it a part that is sent again is known,
 * though its ciphertext differs each time.
 */
export function partDigest(dataKey: DataKey): { update(bytes: Uint8Array): void; hex(): string } {
  const key = createSecretKey(Buffer.from(hkdfSync("sha256", dataKey, NO_SALT, "granary part digest", KEY_BYTES)));
  const hmac = createHmac("sha256", key);
  return { update: (bytes) => void hmac.update(bytes), hex: () => hmac.digest("hex") };
}
