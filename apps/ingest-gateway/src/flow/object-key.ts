import { randomBytes } from "node:crypto";
import type { ObjectKeyModel, Transaction } from "@granary/database";
import {
  type DataKey,
  dataKeyOf,
  KEY_BYTES,
  type KeyBinding,
  PREFIX_BYTES,
  unwrapDataKey,
  WRAP_NONCE_BYTES,
  type WrappingKey,
  wrapDataKey,
} from "@granary/domain/encryption";
import type { CipherKey, Encryption } from "@granary/domain/object";
import { type AccountId, CodedError, type UploadId } from "@granary/primitives";
import type { Keyring } from "../identity/keyring.js";

/** How the bytes of an upload shall be encrypted, with what its client sent for it. */
export type EncryptionWish =
  | { readonly mode: "none" }
  | { readonly mode: "cess-cipher"; readonly key: CipherKey }
  /** Without a customer's key the operator's wraps the object's. */
  | { readonly mode: "aes-gcm"; readonly customerKey: WrappingKey | null };

export const encryptionOf = (upload: { readonly isCipher: boolean; readonly isGcm: boolean }): Encryption =>
  upload.isGcm ? "aes-gcm" : upload.isCipher ? "cess-cipher" : "none";

/** What an object's key is wrapped under. */
export interface Wrapping {
  /** Null where the customer keeps the key. */
  readonly id: string | null;
  readonly key: WrappingKey;
}

/** @throws CodedError ENCRYPTION_KEY_MISSING (invalid), where neither the customer nor the operator has a key */
export function wrappingFor(keyring: Keyring, customerKey: WrappingKey | null): Wrapping {
  if (customerKey !== null) return { id: null, key: customerKey };
  if (keyring.active !== null) return keyring.active;
  throw new CodedError("ENCRYPTION_KEY_MISSING", "invalid", "this gateway keeps no keys: send Encryption-Key");
}

export const drawDataKey = (): DataKey => dataKeyOf(randomBytes(KEY_BYTES));
export const drawPrefix = (): Uint8Array => new Uint8Array(randomBytes(PREFIX_BYTES));

export interface KeyToKeep {
  readonly dataKey: DataKey;
  readonly wrapping: Wrapping;
  readonly binding: KeyBinding;
  /** Null where the parts will tell. */
  readonly prefixRuns: Uint8Array | null;
}

/** Stores an object's key, wrapped. In the transaction that begins, or ends, its upload. */
export async function keepObjectKey(tx: Transaction, kept: KeyToKeep): Promise<void> {
  const { dataKey, wrapping, binding, prefixRuns } = kept;
  await tx.objectKey.create({
    data: {
      uploadId: binding.uploadId,
      account: binding.account,
      sizeBytes: BigInt(binding.sizeBytes),
      wrappedBy: wrapping.id,
      wrappedKey: new Uint8Array(wrapDataKey(dataKey, wrapping.key, binding, randomBytes(WRAP_NONCE_BYTES))),
      prefixRuns: prefixRuns === null ? null : new Uint8Array(prefixRuns),
    },
  });
}

/**
 * The key of an object, out of what is stored of it.
 * @throws CodedError ENCRYPTION_KEY_MISSING (invalid), ENCRYPTION_KEY_WRONG (denied), ENCRYPTION_KEY_RETIRED (unavailable)
 */
export function openObjectKey(keyring: Keyring, stored: ObjectKeyModel, customerKey: WrappingKey | null): DataKey {
  const binding = bindingOf(stored);
  if (stored.wrappedBy === null) {
    if (customerKey !== null) return unwrapDataKey(stored.wrappedKey, customerKey, binding);
    throw new CodedError("ENCRYPTION_KEY_MISSING", "invalid", "the object opens with its Encryption-Key only");
  }
  if (customerKey !== null) {
    throw new CodedError("ENCRYPTION_KEY_WRONG", "denied", "the gateway keeps this object's key, not a customer");
  }
  const key = keyring.find(stored.wrappedBy);
  if (key !== null) return unwrapDataKey(stored.wrappedKey, key, binding);
  throw new CodedError("ENCRYPTION_KEY_RETIRED", "unavailable", "the gateway has the key of this object no more", {
    keyId: stored.wrappedBy,
  });
}

export const bindingOf = (stored: Pick<ObjectKeyModel, "uploadId" | "account" | "sizeBytes">): KeyBinding => ({
  uploadId: stored.uploadId as UploadId,
  account: stored.account as AccountId,
  sizeBytes: Number(stored.sizeBytes),
});
