import { fromHex, type Hex, toHex } from "../engine/codec.js";
import { Reader, Writer } from "../engine/scale.js";
import type { Changes } from "./versioned-store.js";

/** Count, then for each entry the key and an optional value. */
export function encodeChanges(changes: Changes): Uint8Array {
  const writer = new Writer();
  writeChanges(writer, changes);
  return writer.finish();
}

export function writeChanges(writer: Writer, changes: Changes): void {
  writer.compact(BigInt(changes.size));
  for (const [key, value] of changes) {
    writeBytes(writer, fromHex(key));
    writer.u8(value === null ? 0 : 1);
    if (value !== null) writeBytes(writer, value);
  }
}

export function readChanges(reader: Reader): Map<Hex, Uint8Array | null> {
  const changes = new Map<Hex, Uint8Array | null>();
  for (let left = reader.count(2); left > 0; left -= 1) {
    const key = toHex(readBytes(reader));
    // A copy: the value outlives the file it is read from.
    changes.set(key, reader.u8() === 0 ? null : new Uint8Array(readBytes(reader)));
  }
  return changes;
}

export function writeBytes(writer: Writer, bytes: Uint8Array): void {
  writer.compact(BigInt(bytes.length));
  writer.put(bytes);
}

export const readBytes = (reader: Reader): Uint8Array => reader.take(reader.count(1));
