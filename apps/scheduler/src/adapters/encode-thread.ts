import { createHash } from "node:crypto";
import { createCodec } from "@granary/erasure";
import { CodedError, DATA_FRAGMENTS, FRAGMENT_BYTES, SEGMENT_BYTES } from "@granary/primitives";
import { serveThread } from "@granary/service-runtime/thread";

/** Twelve fragments' room, whose first third is the segment. Belongs to the thread until it comes back. */
export interface EncodeTask {
  readonly buffer: ArrayBuffer;
  readonly segmentHash: string;
  readonly rows: readonly number[];
}
export interface EncodeResult {
  readonly buffer: ArrayBuffer;
}

const codec = await createCodec();
/** Up to here parity is cheaper row by row. */
const SINGLE_ROWS_MAX = 2;

serveThread<EncodeTask, EncodeResult>(({ buffer, segmentHash, rows }) => {
  const segment = new Uint8Array(buffer, 0, SEGMENT_BYTES);
  if (createHash("sha256").update(segment).digest("hex") !== segmentHash) {
    throw new CodedError("STAGED_BYTES_CORRUPT", "corrupt", "staged bytes are not what was encoded", { segmentHash });
  }
  const parityRows = rows.filter((row) => row >= DATA_FRAGMENTS);
  if (parityRows.length > SINGLE_ROWS_MAX) codec.encode(segment, new Uint8Array(buffer, SEGMENT_BYTES));
  else for (const row of parityRows) new Uint8Array(buffer, row * FRAGMENT_BYTES).set(codec.encodeRow(segment, row));
  return { value: { buffer }, transfer: [buffer] };
});
