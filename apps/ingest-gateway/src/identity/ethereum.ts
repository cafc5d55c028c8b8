import { CESS_PREFIX } from "@granary/chain-client/accounts";
import type { AccountId } from "@granary/primitives";
import { hexToU8a } from "@polkadot/util";
import { ethereumEncode, evmToAddress, keccakAsU8a, secp256k1Recover } from "@polkadot/util-crypto";

const SIGNATURE_HEX = /^(?:0x)?([0-9a-fA-F]{130})$/;

/** True for an EIP-55 address: the case of its letters is its checksum. */
export const isEthereumAddress = (text: string): boolean =>
  /^0x[0-9a-fA-F]{40}$/.test(text) && ethereumEncode(text) === text;

/** The chain's account of an EVM address: blake2-256 over "evm:" and the address. */
export const accountOfEthereum = (address: string): AccountId =>
  evmToAddress(hexToU8a(address), CESS_PREFIX) as AccountId;

/** The EIP-55 address whose key made this EIP-191 signature over `message`; null where it is no signature. */
export function recoverEthereumSigner(message: string, signature: string): string | null {
  const hex = SIGNATURE_HEX.exec(signature)?.[1];
  if (hex === undefined) return null;
  const bytes = hexToU8a(`0x${hex}`);
  const last = bytes[64] as number;
  const recovery = last >= 27 ? last - 27 : last;
  if (recovery !== 0 && recovery !== 1) return null;
  const text = Buffer.from(message, "utf8");
  const digest = keccakAsU8a(Buffer.concat([Buffer.from(`\u0019Ethereum Signed Message:\n${text.length}`), text]));
  try {
    // "blake2" only means a compressed key here, which is the form that an address is made from.
    return ethereumEncode(secp256k1Recover(digest, bytes.subarray(0, 64), recovery, "blake2"));
  } catch {
    return null;
  }
}
