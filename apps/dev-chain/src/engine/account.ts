import { CodedError } from "@granary/primitives";
import { DEV_PHRASE } from "@polkadot/keyring/defaults";
import {
  decodeAddress,
  keyExtractPath,
  keyFromPath,
  mnemonicToMiniSecret,
  sr25519PairFromSeed,
} from "@polkadot/util-crypto";
import { type Hex, toHex } from "./codec.js";

/** Stretching the phrase takes a tenth of a second: once is enough. */
let devSeed: Uint8Array | undefined;
const derived = new Map<string, Hex>();

function devAccount(path: string): Hex {
  const known = derived.get(path);
  if (known !== undefined) return known;
  devSeed ??= mnemonicToMiniSecret(DEV_PHRASE);
  const pair = keyFromPath(sr25519PairFromSeed(devSeed), keyExtractPath(path).path, "sr25519");
  const account = toHex(pair.publicKey);
  derived.set(path, account);
  return account;
}

/** An account from SS58 text of any network, 0x-hex of its 32 bytes, or a path of the development seed (`//Alice`). */
export function accountFrom(text: string): Hex {
  try {
    if (text.startsWith("//")) return devAccount(text);
    const bytes = decodeAddress(text);
    if (bytes.length === 32) return toHex(bytes);
  } catch (cause) {
    throw new CodedError("ACCOUNT_INVALID", "invalid", `"${text}" names no account`, {}, { cause });
  }
  throw new CodedError("ACCOUNT_INVALID", "invalid", `"${text}" is not an account of 32 bytes`);
}
