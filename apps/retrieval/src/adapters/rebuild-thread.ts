import { createHash } from "node:crypto";
import { workerData } from "node:worker_threads";
import { createCodec, createHashEach, type SegmentMemory, type Slot, slotOf } from "@granary/erasure";
import { serveThread } from "@granary/service-runtime/thread";
import type { Gathered } from "../flow/gather-fragments.js";
import { SLICE_BYTES } from "./slice.js";

/** A slot is this thread's until it answers. */
export type RebuildTask =
  | { readonly kind: "verify"; readonly slot: number }
  | { readonly kind: "assemble"; readonly slot: number; readonly gathered: readonly Gathered[] }
  | { readonly kind: "encode-row"; readonly segment: ArrayBuffer; readonly row: number };

export interface RebuildResult {
  /** SHA-256 of the segment; of the fragment, where one was asked for. */
  readonly hash: string;
  /** Digests of the segment's slices; the fragment, where one was asked for. */
  readonly bytes: Uint8Array;
}

export interface RebuildThreadData {
  readonly segments: SegmentMemory;
  /** Whether slices may be hashed by the native add-on. */
  readonly mayBeNative: boolean;
}

const { segments, mayBeNative } = workerData as RebuildThreadData;
const codec = await createCodec(segments.memory);
const hashEach = mayBeNative ? createHashEach() : createHashEach([]);

function digestsOf(data: readonly Uint8Array[]): RebuildResult {
  const whole = createHash("sha256");
  for (const fragment of data) whole.update(fragment);
  const slices = data.flatMap((fragment) =>
    Array.from({ length: fragment.length / SLICE_BYTES }, (_, i) =>
      fragment.subarray(i * SLICE_BYTES, (i + 1) * SLICE_BYTES),
    ),
  );
  return { hash: whole.digest("hex"), bytes: hashEach(slices) };
}

/** Data fragments are the segment itself; what is missing of them the code restores, in its place. */
function assemble({ data, parity }: Slot, gathered: readonly Gathered[]): void {
  const places = [...data, ...parity];
  const fragments: (Uint8Array | null)[] = Array(places.length).fill(null);
  for (const { row, place } of gathered) fragments[row] = places[place] as Uint8Array;
  const missing = data.flatMap((bytes, row) => (fragments[row] === null ? [{ row, bytes }] : []));
  if (missing.length > 0) codec.restore(fragments, missing);
}

serveThread<RebuildTask, RebuildResult>((task) => {
  if (task.kind === "encode-row") {
    // Copied, as a data row is a view of its segment.
    const bytes = codec.encodeRow(new Uint8Array(task.segment), task.row).slice();
    return {
      value: { hash: createHash("sha256").update(bytes).digest("hex"), bytes },
      transfer: [bytes.buffer as ArrayBuffer],
    };
  }
  const slot = slotOf(segments, task.slot);
  if (task.kind === "assemble") assemble(slot, task.gathered);
  return { value: digestsOf(slot.data) };
});
