import { CodedError } from "@granary/primitives";
import { Keyring } from "@polkadot/keyring";
import { decodeAddress } from "@polkadot/util-crypto";
import { type Hex, toHex } from "./codec.js";

const keyring = () => new Keyring({ type: "sr25519" });

/** An account from SS58 text of any network, 0x-hex of its 32 bytes, or a path of the development seed (`//Alice`). */
export function accountFrom(text: string): Hex {
  try {
    if (text.startsWith("//")) return toHex(keyring().addFromUri(text).publicKey);
    const bytes = decodeAddress(text);
    if (bytes.length === 32) return toHex(bytes);
  } catch (cause) {
    throw new CodedError("ACCOUNT_INVALID", "invalid", `"${text}" names no account`, {}, { cause });
  }
  throw new CodedError("ACCOUNT_INVALID", "invalid", `"${text}" is not an account of 32 bytes`);
}
