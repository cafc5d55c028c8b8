import { CodedError } from "@granary/primitives";
import { encode, fromHex, type Hex, toHex } from "../engine/codec.js";
import { Reader } from "../engine/scale.js";

/**
 * Who made a block, when, and by what chance, as RRSC (the BABE of CESS) wants it at the head of every block. The claim
 * is of the secondary kind with a random output: without one, a runtime draws no random numbers, which territory tokens
 * and audits are made of. Any point of the curve does for the output; nobody checks the proof.
 */
const engineId = toHex(Buffer.from("RRSC", "ascii"));
const secondaryVrf = 3;
const authority = 0;
/** The base point of ristretto255. */
const somePoint = fromHex("0xe2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76");
const proof = new Uint8Array(64);
const preRuntime = 6;

/** The digest item that claims a slot. */
export function claim(slot: bigint): Hex {
  const digest = Buffer.concat([
    Uint8Array.of(secondaryVrf),
    encode("(u32, u64)", [authority, slot]),
    somePoint,
    proof,
  ]);
  return toHex(encode("DigestItem", { type: "PreRuntime", value: [engineId, toHex(digest)] }));
}

/** The slot that a block claims; undefined on the first block, which claims none. */
export function slotOf(logs: readonly Hex[]): bigint | undefined {
  const item = logs.map(fromHex).find((bytes) => bytes[0] === preRuntime);
  if (item === undefined) return undefined;
  const reader = new Reader(item.subarray(5));
  reader.compact();
  const kind = reader.u8();
  if (kind < 1 || kind > secondaryVrf) throw new CodedError("DIGEST_UNKNOWN", "invalid", `slot claim of kind ${kind}`);
  reader.u32();
  return reader.u64();
}

/** What a block's author tells the runtime, by the names that inherents look for. */
export function inherentData(slot: bigint, slotMs: bigint): Uint8Array {
  const entries = [
    ["rrscslot", slot],
    ["timstap0", slot * slotMs],
  ] as const;
  const name = (text: string): Hex => toHex(Buffer.from(text, "ascii"));
  return encode(
    "Vec<([u8; 8], Vec<u8>)>",
    entries.map(([key, value]) => [name(key), toHex(encode("u64", value))]),
  );
}
