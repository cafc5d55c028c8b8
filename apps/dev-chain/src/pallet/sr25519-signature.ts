import { sr25519Verify } from "@polkadot/util-crypto";
import { fromHex, type Hex } from "../engine/codec.js";

/** Whether the 64 bytes are the key's signature; bytes that are no signature at all, or a key that is none, are not. */
export function sr25519Matches(message: Uint8Array, signature: Hex, key: Hex): boolean {
  try {
    return sr25519Verify(message, fromHex(signature), fromHex(key));
  } catch {
    return false;
  }
}
