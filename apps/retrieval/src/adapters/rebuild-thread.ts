import { createHash } from "node:crypto";
import { workerData } from "node:worker_threads";
import { createCodec, createHashEach } from "@granary/erasure";
import { DATA_FRAGMENTS, FRAGMENT_BYTES, FRAGMENTS_PER_SEGMENT } from "@granary/primitives";
import { serveThread } from "@granary/service-runtime/thread";
import type { Gathered } from "../flow/gather-fragments.js";
import { SLICE_BYTES } from "./slice.js";

/** All buffers belong to the thread until they come back with the result. */
export type RebuildTask =
  | { readonly kind: "verify"; readonly segment: ArrayBuffer }
  | { readonly kind: "assemble"; readonly segment: ArrayBuffer; readonly fragments: readonly Gathered[] }
  | { readonly kind: "encode-row"; readonly segment: ArrayBuffer; readonly row: number };

export interface RebuildResult {
  readonly segment: ArrayBuffer;
  /** SHA-256 of the segment; of the fragment, where one was asked for. */
  readonly hash: string;
  readonly slices: Uint8Array;
  readonly fragments: readonly ArrayBuffer[];
}

export interface RebuildThreadData {
  /** Whether slices may be hashed by the native add-on. */
  readonly mayBeNative: boolean;
}

const { mayBeNative } = workerData as RebuildThreadData;
const codec = await createCodec();
const hashEach = mayBeNative ? createHashEach() : createHashEach([]);

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

function digestsOf(segment: Uint8Array): { hash: string; slices: Uint8Array } {
  const count = segment.length / SLICE_BYTES;
  const slices = Array.from({ length: count }, (_, i) => segment.subarray(i * SLICE_BYTES, (i + 1) * SLICE_BYTES));
  return { hash: sha256(segment).toString("hex"), slices: hashEach(slices) };
}

/** Data fragments are the segment itself; with any other the code restores it. */
function assemble(segment: Uint8Array, fragments: readonly Gathered[]): void {
  const isSystematic = fragments.every(({ row }) => row < DATA_FRAGMENTS);
  if (isSystematic) {
    for (const { row, bytes } of fragments) segment.set(new Uint8Array(bytes), row * FRAGMENT_BYTES);
    return;
  }
  const places: (Uint8Array | null)[] = Array(FRAGMENTS_PER_SEGMENT).fill(null);
  for (const { row, bytes } of fragments) places[row] = new Uint8Array(bytes);
  codec.reconstruct(places, segment);
}

serveThread<RebuildTask, RebuildResult>((task) => {
  const segment = new Uint8Array(task.segment);
  if (task.kind === "encode-row") {
    // Copied, as a data row is a view of its segment.
    const fragment = codec.encodeRow(segment, task.row).slice();
    const hash = sha256(fragment).toString("hex");
    const value = { segment: task.segment, hash, slices: new Uint8Array(), fragments: [fragment.buffer] };
    return { value, transfer: [task.segment, fragment.buffer] };
  }
  const fragments = task.kind === "assemble" ? task.fragments.map(({ bytes }) => bytes) : [];
  if (task.kind === "assemble") assemble(segment, task.fragments);
  return { value: { ...digestsOf(segment), segment: task.segment, fragments }, transfer: [task.segment, ...fragments] };
});
