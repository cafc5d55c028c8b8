import {
  blake2AsU8a,
  ed25519Verify,
  secp256k1Compress,
  secp256k1Expand,
  secp256k1Recover,
  sr25519Verify,
} from "@polkadot/util-crypto";
import { encode } from "../../engine/codec.js";
import { bytesIn, type Guest, give, type HostFunctions } from "./guest.js";

const signatureBytes = 64;
const recoverableBytes = 65;

/** Signatures are checked for real. There is no keystore: functions that make keys and sign are not here. */
export function cryptoFunctions(guest: Guest): HostFunctions {
  const verify =
    (check: (message: Uint8Array, signature: Uint8Array, key: Uint8Array) => boolean) =>
    (signature: number, message: bigint, key: number) => {
      const memory = guest.memory();
      return isTrue(() => check(bytesIn(guest, message), memory.read(signature, signatureBytes), memory.read(key, 32)));
    };
  const recover = (form: (key: Uint8Array) => Uint8Array) => (signature: number, digest: number) => {
    const memory = guest.memory();
    return give(guest, recovered(memory.read(signature, recoverableBytes), memory.read(digest, 32), form));
  };
  const verifyEcdsa = (signature: number, message: bigint, key: number) => {
    const memory = guest.memory();
    const digest = blake2AsU8a(bytesIn(guest, message), 256);
    return isTrue(() => {
      const found = recoverKey(memory.read(signature, recoverableBytes), digest);
      return Buffer.compare(secp256k1Compress(found), memory.read(key, 33)) === 0;
    });
  };
  return {
    ext_crypto_ed25519_verify_version_1: verify(ed25519Verify),
    ext_crypto_sr25519_verify_version_1: verify(sr25519Verify),
    ext_crypto_sr25519_verify_version_2: verify(sr25519Verify),
    ext_crypto_ecdsa_verify_version_1: verifyEcdsa,
    ext_crypto_ecdsa_verify_version_2: verifyEcdsa,
    ext_crypto_secp256k1_ecdsa_recover_version_1: recover(uncompressed),
    ext_crypto_secp256k1_ecdsa_recover_version_2: recover(uncompressed),
    ext_crypto_secp256k1_ecdsa_recover_compressed_version_1: recover(secp256k1Compress),
    ext_crypto_secp256k1_ecdsa_recover_compressed_version_2: recover(secp256k1Compress),
    // The keystore holds no keys of any kind.
    ext_crypto_sr25519_public_keys_version_1: () => give(guest, noKeys()),
    ext_crypto_ed25519_public_keys_version_1: () => give(guest, noKeys()),
    ext_crypto_ecdsa_public_keys_version_1: () => give(guest, noKeys()),
  };
}

const noKeys = () => encode("Compact<u32>", 0);

function isTrue(check: () => boolean): number {
  try {
    return check() ? 1 : 0;
  } catch {
    return 0;
  }
}

/** Without the byte that says how the point is written. */
const uncompressed = (key: Uint8Array): Uint8Array => secp256k1Expand(key).subarray(-64);

/** Variants of `EcdsaVerifyError`. */
const badRecoveryId = 1;
const badSignature = 2;

/** `Result<key, EcdsaVerifyError>` */
function recovered(signature: Uint8Array, digest: Uint8Array, form: (key: Uint8Array) => Uint8Array): Uint8Array {
  if (recoveryId(signature) > 3) return Uint8Array.of(1, badRecoveryId);
  try {
    return Uint8Array.of(0, ...form(recoverKey(signature, digest)));
  } catch {
    return Uint8Array.of(1, badSignature);
  }
}

/**
 * In JavaScript: the library's WebAssembly comes to a halt on what is no signature, and is not made anew.
 * @throws Error on what is no signature
 */
const recoverKey = (signature: Uint8Array, digest: Uint8Array): Uint8Array =>
  secp256k1Recover(digest, signature.subarray(0, signatureBytes), recoveryId(signature), "blake2", true);

/** Ethereum counts from 27. */
const recoveryId = (signature: Uint8Array): number => {
  const last = signature[recoverableBytes - 1]!;
  return last > 26 ? last - 27 : last;
};
