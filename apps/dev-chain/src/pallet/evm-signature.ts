import { blake2AsHex, keccakAsU8a, secp256k1Expand, secp256k1Recover } from "@polkadot/util-crypto";
import type { Hex } from "../engine/codec.js";

/** The account that an Ethereum address has on this chain. */
export const evmAccount = (address: Uint8Array): Hex =>
  blake2AsHex(Buffer.concat([Buffer.from("evm:"), address]), 256) as Hex;

/** Whether a wallet's personal signature (EIP-191) over the message is by the address that owns the account. */
export function evmAccountMatches(message: Uint8Array, signature: Uint8Array, account: Hex): boolean {
  const intro = Buffer.from(`\u0019Ethereum Signed Message:\n${message.length}`, "utf8");
  const digest = keccakAsU8a(Buffer.concat([intro, message]), 256);
  const recovery = signature[64]! >= 27 ? signature[64]! - 27 : signature[64]!;
  try {
    const key = secp256k1Expand(secp256k1Recover(digest, signature.subarray(0, 64), recovery));
    return evmAccount(keccakAsU8a(key, 256).subarray(12)) === account;
  } catch {
    return false;
  }
}
