import { CodedError } from "@granary/primitives";
import { decompress } from "fzstd";

/** Before runtimes that are compressed with Zstandard, as every Substrate chain marks them. */
const zstdMark = Buffer.from("52bc537646db8e05", "hex");
const wasmMark = Buffer.from("\0asm", "latin1");

/**
 * The WebAssembly of what a chain has under `:code`.
 * @throws CodedError RUNTIME_UNREADABLE (invalid)
 */
export function codeOf(blob: Uint8Array): Uint8Array {
  const code = startsWith(blob, zstdMark) ? inflate(blob.subarray(zstdMark.length)) : blob;
  if (!startsWith(code, wasmMark)) throw new CodedError("RUNTIME_UNREADABLE", "invalid", "the code is no WebAssembly");
  return code;
}

function inflate(bytes: Uint8Array): Uint8Array {
  try {
    return decompress(bytes);
  } catch (cause) {
    throw new CodedError("RUNTIME_UNREADABLE", "invalid", "the code cannot be decompressed", {}, { cause });
  }
}

const startsWith = (bytes: Uint8Array, mark: Uint8Array): boolean =>
  Buffer.compare(bytes.subarray(0, mark.length), mark) === 0;
