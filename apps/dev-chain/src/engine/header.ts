import { blake2AsHex } from "@polkadot/util-crypto";
import { codec, encode, fromHex, type Hex, toHex } from "./codec.js";
import { Reader, ScaleError } from "./scale.js";

export interface Header {
  readonly parentHash: Hex;
  readonly number: number;
  readonly stateRoot: Hex;
  readonly extrinsicsRoot: Hex;
  /** Items of the digest, each in SCALE. */
  readonly logs: readonly Hex[];
}

const form = "(H256, Compact<u32>, H256, H256)";

export const encodeHeader = ({ parentHash, number, stateRoot, extrinsicsRoot, logs }: Header): Uint8Array =>
  Buffer.concat([
    encode(form, [parentHash, number, stateRoot, extrinsicsRoot]),
    encode("Compact<u32>", logs.length),
    ...logs.map(fromHex),
  ]);

/** @throws ScaleError unless the bytes are one header and nothing more */
export function decodeHeader(bytes: Uint8Array): Header {
  const reader = new Reader(bytes);
  const [parentHash, number, stateRoot, extrinsicsRoot] = codec<[Hex, number, Hex, Hex]>(form).decode(reader);
  const logs = Array.from({ length: reader.count(1) }, () => {
    const from = reader.offset;
    codec("DigestItem").decode(reader);
    return toHex(bytes.subarray(from, reader.offset));
  });
  if (reader.left > 0) throw new ScaleError(`${reader.left} bytes left over`);
  return { parentHash, number, stateRoot, extrinsicsRoot, logs };
}

export const headerHash = (header: Header): Hex => blake2AsHex(encodeHeader(header), 256) as Hex;

/** As JSON-RPC shows it. */
export const headerJson = (header: Header) => ({
  parentHash: header.parentHash,
  number: `0x${header.number.toString(16)}`,
  stateRoot: header.stateRoot,
  extrinsicsRoot: header.extrinsicsRoot,
  digest: { logs: header.logs },
});
