import type { Digest } from "@granary/primitives";
import { isDigest } from "@granary/primitives";

/** The chain keeps a digest as the 64 ASCII bytes of its hexadecimal text. */
export const digestToChain = (digest: Digest): Uint8Array => new TextEncoder().encode(digest);

/** null when the bytes are not 64 lowercase hexadecimal characters: the chain checks only their number. */
export function digestFromChain(bytes: Uint8Array): Digest | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  return isDigest(text) ? text : null;
}
