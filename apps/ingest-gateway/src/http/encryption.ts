import type { IncomingHttpHeaders } from "node:http";
import { KEY_BYTES, type WrappingKey, wrappingKeyOf } from "@granary/domain/encryption";
import { CodedError } from "@granary/primitives";
import type { EncryptionWish } from "../flow/object-key.js";
import type { Ports } from "../ports.js";
import { cipherKeyFrom, headerOf } from "./headers.js";

/** The authenticated mode, as clients and operators name it. */
export const GCM_NAME = "aes-256-gcm";
const modes = ["none", GCM_NAME];

/**
 * `Cipher` is the CESS mode. `Encryption: aes-256-gcm` is the authenticated one, under the operator's key or the one in
 * `Encryption-Key`; `Encryption: none` is none, whatever this gateway does unasked.
 *
 * @throws CodedError ENCRYPTION_INVALID, ENCRYPTION_AMBIGUOUS, ENCRYPTION_KEY_INVALID, CIPHER_TOO_LONG (invalid)
 */
export function encryptionWishOf(ports: Pick<Ports, "config">, headers: IncomingHttpHeaders): EncryptionWish {
  const cipher = cipherKeyFrom(headers);
  const customerKey = customerKeyFrom(headers);
  const named = headerOf(headers, "encryption")?.trim().toLowerCase() || undefined;
  if (named !== undefined && !modes.includes(named)) {
    throw new CodedError("ENCRYPTION_INVALID", "invalid", `Encryption is one of ${modes.join(", ")}`);
  }
  const isAmbiguous =
    (cipher !== null && (customerKey !== null || named === GCM_NAME)) || (named === "none" && customerKey !== null);
  if (isAmbiguous) throw new CodedError("ENCRYPTION_AMBIGUOUS", "invalid", "the headers ask for two ways to encrypt");
  if (cipher !== null) return { mode: "cess-cipher", key: cipher };
  const isWanted = customerKey !== null || (named ?? ports.config.ENCRYPTION_DEFAULT) === GCM_NAME;
  return isWanted ? { mode: "aes-gcm", customerKey } : { mode: "none" };
}

/** Null without the header. @throws CodedError ENCRYPTION_KEY_INVALID (invalid) */
export function customerKeyFrom(headers: IncomingHttpHeaders): WrappingKey | null {
  const text = headerOf(headers, "encryption-key")?.trim();
  if (text === undefined || text === "") return null;
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return wrappingKeyOf(Buffer.from(text, "base64"));
  throw new CodedError("ENCRYPTION_KEY_INVALID", "invalid", `Encryption-Key is base64 of ${KEY_BYTES} bytes`);
}
