import { blake2AsHex } from "@polkadot/util-crypto";
import { decode, encode, type Hex } from "./codec.js";

export interface Header {
  readonly parentHash: Hex;
  readonly number: number;
  readonly stateRoot: Hex;
  readonly extrinsicsRoot: Hex;
}

const form = "(H256, Compact<u32>, H256, H256, Digest)";

export const encodeHeader = ({ parentHash, number, stateRoot, extrinsicsRoot }: Header): Uint8Array =>
  encode(form, [parentHash, number, stateRoot, extrinsicsRoot, { logs: [] }]);

export function decodeHeader(bytes: Uint8Array): Header {
  const [parentHash, number, stateRoot, extrinsicsRoot] = decode<[Hex, number, Hex, Hex, unknown]>(form, bytes);
  return { parentHash, number, stateRoot, extrinsicsRoot };
}

export const headerHash = (header: Header): Hex => blake2AsHex(encodeHeader(header), 256) as Hex;

/** As JSON-RPC shows it. */
export const headerJson = (header: Header) => ({
  parentHash: header.parentHash,
  number: `0x${header.number.toString(16)}`,
  stateRoot: header.stateRoot,
  extrinsicsRoot: header.extrinsicsRoot,
  digest: { logs: [] },
});
