import { SEGMENT_BYTES } from "@granary/primitives";
import { createThreadPool } from "@granary/service-runtime";
import type { Register } from "@granary/telemetry";
import type { Rebuilder, SegmentBuffer, Verified } from "../flow/load-segment.js";
import type { RebuildResult, RebuildTask, RebuildThreadData } from "./rebuild-thread.js";

/** From `src` and from `dist` alike, this is the built file: a thread runs JavaScript. */
const script = new URL("../../dist/adapters/rebuild-thread.js", import.meta.url);

export function createThreadRebuilder(options: {
  readonly threads: number;
  readonly register: Register;
  readonly mayBeNative: boolean;
  readonly recycle: (fragment: ArrayBuffer) => void;
}): Rebuilder & {
  encodeRow(segment: ArrayBuffer, row: number): Promise<{ hash: string; bytes: Uint8Array }>;
  close(): Promise<void>;
} {
  const pool = createThreadPool<RebuildTask, RebuildResult>({
    script,
    name: "rebuild",
    threads: options.threads,
    data: { mayBeNative: options.mayBeNative } satisfies RebuildThreadData,
    register: options.register,
  });

  /** The buffer's memory goes to the thread and comes back; with a thread that fails it is lost, and made anew. */
  async function lend(
    buffer: SegmentBuffer,
    task: Exclude<RebuildTask, { kind: "encode-row" }>,
    more: ArrayBuffer[],
  ): Promise<Verified> {
    try {
      const result = await pool.run(task, [buffer.bytes, ...more]);
      buffer.bytes = result.segment;
      for (const fragment of result.fragments) options.recycle(fragment);
      return { hash: result.hash, slices: result.slices };
    } catch (error) {
      if (buffer.bytes.byteLength === 0) buffer.bytes = new ArrayBuffer(SEGMENT_BYTES);
      throw error;
    }
  }

  return {
    verify: (buffer) => lend(buffer, { kind: "verify", segment: buffer.bytes }, []),
    assemble: (buffer, fragments) =>
      lend(
        buffer,
        { kind: "assemble", segment: buffer.bytes, fragments },
        fragments.map(({ bytes }) => bytes),
      ),
    async encodeRow(segment, row) {
      const { hash, fragments } = await pool.run({ kind: "encode-row", segment, row }, [segment]);
      return { hash, bytes: new Uint8Array(fragments[0] as ArrayBuffer) };
    },
    close: () => pool.close(),
  };
}
