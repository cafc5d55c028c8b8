import { CodedError } from "@granary/primitives";
import { PREFIX_BYTES } from "./chunk.js";

/** Chunks from `firstChunk` up to the next run were encrypted with this prefix. An upload in one body is one run. */
export interface PrefixRun {
  readonly firstChunk: number;
  readonly prefix: Uint8Array;
}

const RUN_BYTES = 4 + PREFIX_BYTES;

/** Runs as they are stored: number of the first chunk (4 bytes, big-endian) ‖ prefix, in the order of the object. */
export function packRuns(runs: readonly PrefixRun[]): Uint8Array {
  const sorted = [...runs].sort((a, b) => a.firstChunk - b.firstChunk);
  const packed = Buffer.alloc(sorted.length * RUN_BYTES);
  for (const [position, { firstChunk, prefix }] of sorted.entries()) {
    if (prefix.length !== PREFIX_BYTES) throw invalid("a prefix of a nonce has another length");
    packed.writeUInt32BE(firstChunk, position * RUN_BYTES);
    packed.set(prefix, position * RUN_BYTES + 4);
  }
  checkRuns(packed);
  return packed;
}

/**
 * The prefix of each chunk, out of packed runs.
 * @throws CodedError PREFIX_RUNS_INVALID (corrupt)
 */
export function prefixesOf(packed: Uint8Array): (chunk: number) => Uint8Array {
  checkRuns(packed);
  const view = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  const firstOf = (run: number) => view.readUInt32BE(run * RUN_BYTES);
  return (chunk) => {
    let low = 0;
    let high = view.length / RUN_BYTES - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (firstOf(middle) <= chunk) low = middle;
      else high = middle - 1;
    }
    return view.subarray(low * RUN_BYTES + 4, (low + 1) * RUN_BYTES);
  };
}

/** The first run begins the object; each other one begins behind the one before. */
function checkRuns(packed: Uint8Array): void {
  const view = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  if (view.length === 0 || view.length % RUN_BYTES !== 0 || view.readUInt32BE(0) !== 0) {
    throw invalid("the runs of prefixes do not begin with the object");
  }
  for (let at = RUN_BYTES; at < view.length; at += RUN_BYTES) {
    if (view.readUInt32BE(at) <= view.readUInt32BE(at - RUN_BYTES)) throw invalid("runs of prefixes are out of order");
  }
}

const invalid = (message: string) => new CodedError("PREFIX_RUNS_INVALID", "corrupt", message);
