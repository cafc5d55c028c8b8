import type { SegmentMemory } from "@granary/erasure";
import { createThreadPool } from "@granary/service-runtime";
import type { Register } from "@granary/telemetry";
import type { Rebuilder, Verified } from "../flow/load-segment.js";
import type { RebuildResult, RebuildTask, RebuildThreadData } from "./rebuild-thread.js";

/** From `src` and from `dist` alike, this is the built file: a thread runs JavaScript. */
const script = new URL("../../dist/adapters/rebuild-thread.js", import.meta.url);

/** Threads that share the memory of all segments: nothing is sent to them but a slot's number. */
export function createThreadRebuilder(options: {
  readonly threads: number;
  readonly register: Register;
  readonly segments: SegmentMemory;
  readonly mayBeNative: boolean;
}): Rebuilder & {
  encodeRow(segment: ArrayBuffer, row: number): Promise<{ hash: string; bytes: Uint8Array }>;
  close(): Promise<void>;
} {
  const { segments, mayBeNative } = options;
  const pool = createThreadPool<RebuildTask, RebuildResult>({
    script,
    name: "rebuild",
    threads: options.threads,
    data: { segments, mayBeNative } satisfies RebuildThreadData,
    register: options.register,
  });
  const verified = async (task: RebuildTask): Promise<Verified> => {
    const { hash, bytes } = await pool.run(task);
    return { hash, slices: bytes };
  };

  return {
    verify: ({ index }) => verified({ kind: "verify", slot: index }),
    assemble: ({ index }, gathered) => verified({ kind: "assemble", slot: index, gathered }),
    encodeRow: (segment, row) => pool.run({ kind: "encode-row", segment, row }, [segment]),
    close: () => pool.close(),
  };
}
