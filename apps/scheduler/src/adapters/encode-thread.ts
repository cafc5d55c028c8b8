import { createHash } from "node:crypto";
import { workerData } from "node:worker_threads";
import { createCodec, type SegmentMemory, slotOf } from "@granary/erasure";
import { CodedError, DATA_FRAGMENTS } from "@granary/primitives";
import { serveThread } from "@granary/service-runtime/thread";

/** The slot of the segment, which is this thread's until it answers; the wanted rows are then in it. */
export interface EncodeTask {
  readonly slot: number;
  readonly segmentHash: string;
  readonly rows: readonly number[];
}

const segments = workerData as SegmentMemory;
const codec = await createCodec(segments.memory);
/** Up to here parity is cheaper row by row. */
const SINGLE_ROWS_MAX = 2;

serveThread<EncodeTask, null>(({ slot, segmentHash, rows }) => {
  const { data, parity } = slotOf(segments, slot);
  const hash = createHash("sha256");
  for (const fragment of data) hash.update(fragment);
  if (hash.digest("hex") !== segmentHash) {
    throw new CodedError("STAGED_BYTES_CORRUPT", "corrupt", "staged bytes are not what was encoded", { segmentHash });
  }
  const parityRows = rows.filter((row) => row >= DATA_FRAGMENTS);
  if (parityRows.length > SINGLE_ROWS_MAX) codec.encodeParity(data, parity);
  else {
    codec.restore(
      [...data, ...parity.map(() => null)],
      parityRows.map((row) => ({ row, bytes: parity[row - DATA_FRAGMENTS] as Uint8Array })),
    );
  }
  return { value: null };
});
