import { type AccountId, CodedError } from "@granary/primitives";
import { Keyring } from "@polkadot/keyring";
import type { KeyringPair } from "@polkadot/keyring/types";
import { hexToU8a, isHex, u8aWrapBytes } from "@polkadot/util";
import {
  base58Decode,
  cryptoWaitReady,
  decodeAddress,
  encodeAddress,
  keyExtractSuri,
  mnemonicGenerate,
  mnemonicValidate,
  sr25519Verify,
} from "@polkadot/util-crypto";
import type { Signer } from "./types.js";

/** SS58 prefix of CESS. Accounts leave Granary in this form only. */
export const CESS_PREFIX = 11330;
/** Prefix of "any Substrate chain"; accepted as input. */
const GENERIC_PREFIX = 42;
const PUBLIC_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** Account of a public key. @throws RangeError when it is not 32 bytes */
export function accountOf(publicKey: Uint8Array): AccountId {
  if (publicKey.length !== PUBLIC_KEY_BYTES) {
    throw new RangeError(`an account key has ${PUBLIC_KEY_BYTES} bytes, not ${publicKey.length}`);
  }
  return encodeAddress(publicKey, CESS_PREFIX) as AccountId;
}

/**
 * SS58 text with the CESS or the generic prefix → the account in its one form.
 * @throws CodedError ACCOUNT_INVALID (invalid)
 */
export function parseAccount(text: string): AccountId {
  for (const prefix of [CESS_PREFIX, GENERIC_PREFIX]) {
    try {
      // decodeAddress also takes hexadecimal keys; those are no accounts here.
      if (!isHex(text)) return accountOf(decodeAddress(text, false, prefix));
    } catch {
      // The other prefix may fit.
    }
  }
  throw new CodedError("ACCOUNT_INVALID", "invalid", "an account is SS58 text with prefix 11330 or 42");
}

export const publicKeyOf = (account: AccountId): Uint8Array => decodeAddress(account);

/** A new mnemonic of 12 words. */
export const generateMnemonic = (): string => mnemonicGenerate(12);

/** The library pads any short text to a seed; a mistyped mnemonic must not become a key. */
function isSecretUri(text: string): boolean {
  if (text.startsWith("//")) return true;
  const { phrase } = keyExtractSuri(text);
  return isHex(phrase, 256) || mnemonicValidate(phrase);
}

const signerOf = (pair: KeyringPair): Signer => ({
  account: accountOf(pair.publicKey),
  publicKey: pair.publicKey,
  sign: (message) => pair.sign(message),
});

/** An account as browser wallets export it: JSON, its key encrypted with a password. */
function signerOfKeystore(json: string, password: string | undefined): Signer {
  if (password === undefined) {
    throw new CodedError("KEY_PASSWORD_MISSING", "invalid", "the key is a keystore: its password is needed");
  }
  let pair: KeyringPair;
  try {
    pair = new Keyring({ ss58Format: CESS_PREFIX }).createFromJson(JSON.parse(json));
  } catch {
    throw new CodedError("KEYSTORE_INVALID", "invalid", "this is not the JSON that wallets export");
  }
  if (pair.type !== "sr25519") {
    throw new CodedError("KEYSTORE_INVALID", "invalid", `the chain takes sr25519 keys, this one is ${pair.type}`);
  }
  try {
    pair.unlock(password);
  } catch {
    throw new CodedError("KEY_PASSWORD_WRONG", "denied", "the password does not open the keystore");
  }
  return signerOf(pair);
}

/**
 * A signer from a mnemonic, a hexadecimal seed of 32 bytes, a secret URI ("<mnemonic or seed>//hard/soft", "//Alice" for
 * the well-known development keys), or a wallet's keystore JSON with its password.
 * @throws CodedError SECRET_INVALID, KEYSTORE_INVALID, KEY_PASSWORD_MISSING (invalid), KEY_PASSWORD_WRONG (denied); the
 * text is in none of them
 */
export async function loadSigner(secret: string, password?: string): Promise<Signer> {
  await cryptoWaitReady();
  const text = secret.trim();
  if (text.startsWith("{")) return signerOfKeystore(text, password);
  const uri = /^[0-9a-f]{64}$/i.test(text) ? `0x${text}` : text;
  try {
    if (!isSecretUri(uri)) throw new Error("not a secret URI");
    return signerOf(new Keyring({ type: "sr25519", ss58Format: CESS_PREFIX }).createFromUri(uri));
  } catch {
    // The cause could carry the secret, so it ends here.
    throw new CodedError(
      "SECRET_INVALID",
      "invalid",
      "a key is a mnemonic, a 32-byte hexadecimal seed or a secret URI",
    );
  }
}

/** Signature over the text as it is, hexadecimal without `0x`: what storage miners and gateways take in headers. */
export const signMessage = (signer: Signer, message: string): string =>
  Buffer.from(signer.sign(new TextEncoder().encode(message))).toString("hex");

function* readingsOf(signature: string): Generator<Uint8Array> {
  const hex = signature.startsWith("0x") ? signature : `0x${signature}`;
  if (isHex(hex, SIGNATURE_BYTES * 8)) yield hexToU8a(hex);
  try {
    const bytes = base58Decode(signature);
    if (bytes.length === SIGNATURE_BYTES) yield bytes;
  } catch {
    // Not base58.
  }
}

/**
 * Whether `account` signed `message` with sr25519: hexadecimal (with or without `0x`) or base58, over the text itself or
 * over the text between `<Bytes>` tags, as browser wallets sign.
 */
export async function isSignedBy(account: AccountId, message: string, signature: string): Promise<boolean> {
  await cryptoWaitReady();
  const key = publicKeyOf(account);
  const plain = new TextEncoder().encode(message);
  for (const reading of readingsOf(signature)) {
    for (const text of [plain, u8aWrapBytes(plain)]) {
      try {
        if (sr25519Verify(text, reading, key)) return true;
      } catch {
        // Bytes that are no curve point are not a signature.
      }
    }
  }
  return false;
}
