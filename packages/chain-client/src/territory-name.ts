import { hexToU8a, u8aToHex } from "@polkadot/util";

const TOKEN_BYTES = 32;
/** Longer than a name that somebody chose can be: those have at most 63 bytes. */
const writtenToken = /^0x[0-9a-f]{64}$/;

/**
 * A territory's name as text. One that was granted is found under the 32 bytes of its token until its new owner renames
 * it: those are seldom text, and are written as `0x` and 64 hexadecimal digits then.
 */
export function territoryNameFrom(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.includes("\0")) return text;
  } catch {
    // No text.
  }
  if (bytes.length === TOKEN_BYTES) return u8aToHex(bytes);
  // Nobody can be shown such bytes, nor write them: it is listed, and cannot be asked for.
  return new TextDecoder().decode(bytes).replaceAll("\0", "\ufffd");
}

/** The name's bytes on chain. */
export const territoryNameBytes = (name: string): Uint8Array =>
  writtenToken.test(name) ? hexToU8a(name) : new TextEncoder().encode(name);
