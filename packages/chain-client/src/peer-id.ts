import { createHash } from "node:crypto";

/**
 * A peer id as libp2p writes an ed25519 key, 38 bytes. The chain wants one of a gateway, and runtimes before 126 want
 * one of a miner in the place of an address. Ours have no such key: an address of at most 32 bytes stands where the
 * key would, so that who reads the chain finds the miner; of a longer one its digest does, and it cannot be found.
 */
const head = Buffer.from("002408011220", "hex");
const keyBytes = 32;
const address = /^https?:\/\/[\x21-\x7e]+$/;

export const fitsPeerId = (text: string): boolean => Buffer.byteLength(text) <= keyBytes;

/** @returns hexadecimal */
export function peerIdFor(text: string): string {
  const key = fitsPeerId(text) ? Buffer.alloc(keyBytes) : createHash("sha256").update(text).digest();
  if (fitsPeerId(text)) key.write(text);
  return `0x${Buffer.concat([head, key]).toString("hex")}`;
}

/** The address that `peerIdFor` put there; null where the bytes are a key. */
export function addressIn(peerId: Uint8Array): string | null {
  if (peerId.length !== head.length + keyBytes || Buffer.compare(peerId.subarray(0, head.length), head) !== 0)
    return null;
  const text = Buffer.from(peerId.subarray(head.length)).toString("latin1").replace(/\0+$/, "");
  return address.test(text) ? text : null;
}
