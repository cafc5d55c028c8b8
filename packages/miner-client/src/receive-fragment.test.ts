import { createCipheriv, createHash } from "node:crypto";
import { digestOf, FRAGMENT_BYTES, type FragmentHash } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { receiveFragment } from "./receive-fragment.js";

const bytes = createCipheriv("aes-256-ctr", Buffer.alloc(32), Buffer.alloc(16)).update(Buffer.alloc(FRAGMENT_BYTES));
const fragment = digestOf(createHash("sha256").update(bytes).digest()) as FragmentHash;
const newMemory = {
  own: () => new Uint8Array(FRAGMENT_BYTES),
  shared: () => new Uint8Array(new SharedArrayBuffer(FRAGMENT_BYTES + 32), 8, FRAGMENT_BYTES),
};

/** The bytes in chunks of one odd length after the other; `before` is called before each with where it begins. */
async function* inChunks(before: (from: number) => void = () => {}) {
  for (let from = 0, length = 1; from < FRAGMENT_BYTES; from += length, length = (3 * length + 1) % 65_521) {
    before(from);
    yield bytes.subarray(from, from + length);
  }
}

describe("receiving a fragment", () => {
  it.each(["own", "shared"] as const)(
    "puts chunks of any length one behind the other, in memory that is %s",
    async (kind) => {
      const into = newMemory[kind]();
      expect(await receiveFragment({ status: 200, chunks: inChunks() }, { fragment, into })).toBe(into);
      expect(Buffer.compare(into, bytes)).toBe(0);
      const all = new Uint8Array(into.buffer);
      const around = [...all.subarray(0, into.byteOffset), ...all.subarray(into.byteOffset + FRAGMENT_BYTES)];
      expect(around.every((byte) => byte === 0)).toBe(true);
    },
  );

  it("writes nothing after it was called off, not even what has come already", async () => {
    const stop = new AbortController();
    const into = newMemory.shared();
    const half = FRAGMENT_BYTES / 2;
    let stoppedAt = 0;
    const chunks = inChunks((from) => {
      if (from < half || stop.signal.aborted) return;
      stoppedAt = from;
      stop.abort(new Error("called off"));
    });
    const receiving = receiveFragment({ status: 200, chunks }, { fragment, into, signal: stop.signal });
    await expect(receiving).rejects.toThrow("called off");
    expect(stoppedAt).toBeGreaterThanOrEqual(half);
    expect(Buffer.compare(into.subarray(0, stoppedAt), bytes.subarray(0, stoppedAt))).toBe(0);
    expect(Buffer.compare(into.subarray(stoppedAt), new Uint8Array(FRAGMENT_BYTES - stoppedAt))).toBe(0);
  });
});
