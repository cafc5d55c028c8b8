import { createHash } from "node:crypto";
import { Worker } from "node:worker_threads";
import { FRAGMENT_BYTES } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { createCodec } from "./choose-codec.js";
import { hashFragments } from "./hash-segment.js";
import { createSegmentMemory, slotOf, slotsMax } from "./segment-memory.js";
import { createTableCodec } from "./table-codec.js";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const { imul } = Math;
function fill(places: readonly Uint8Array[], seed: number): void {
  let state = seed;
  for (const place of places) {
    const words = new Uint32Array(place.buffer, place.byteOffset, place.length / 4);
    for (let i = 0; i < words.length; i += 1) {
      state = (imul(state, 1664525) + 1013904223) >>> 0;
      words[i] = state;
    }
  }
}

describe("a segment memory", () => {
  it.each(["fragments", "tiles"] as const)("has slots of the kind %s that share no byte", (kind) => {
    const segments = createSegmentMemory(3, kind);
    const places = [0, 1, 2].flatMap((index) => Object.values(slotOf(segments, index)).flat());
    const ranges = places.map(({ byteOffset, length }) => [byteOffset, byteOffset + length] as const);
    ranges.sort(([a], [b]) => a - b);
    for (let i = 1; i < ranges.length; i += 1) {
      expect(ranges[i]?.[0]).toBeGreaterThanOrEqual(ranges[i - 1]?.[1] as number);
    }
    expect(slotOf(segments, 0).data.map(({ length }) => length)).toEqual(Array(4).fill(FRAGMENT_BYTES));
    expect(slotOf(segments, 0).parity).toHaveLength(8);
  });

  it("codes a slot in place to what the look-up tables give, and leaves other slots as they are", async () => {
    const segments = createSegmentMemory(2, "fragments");
    const codec = await createCodec(segments.memory);
    const [first, second] = [slotOf(segments, 0), slotOf(segments, 1)];
    fill(first.data, 1);
    fill([...second.data, ...second.parity], 2);
    const before = [...second.data, ...second.parity].map(sha256);
    codec.encodeParity(first.data, first.parity);
    const row = 9;
    expect(sha256(first.parity[row - 4] as Uint8Array)).toBe(
      sha256(createTableCodec().encodeRow(Buffer.concat(first.data), row)),
    );
    const all = [...first.data, ...first.parity].map(sha256);
    const lost = first.data.map((bytes, k) => ({ row: k, bytes }));
    for (const { bytes } of lost) bytes.fill(0);
    codec.restore([null, null, null, null, ...first.parity], lost);
    expect([...first.data, ...first.parity].map(sha256)).toEqual(all);
    expect([...second.data, ...second.parity].map(sha256)).toEqual(before);
  });

  it("hashes parity through a slot's tiles as it hashes whole fragments", async () => {
    const [whole, tiled] = [createSegmentMemory(1, "fragments"), createSegmentMemory(1, "tiles")];
    const codec = await createCodec(whole.memory);
    const [fragments, tiles] = [slotOf(whole, 0), slotOf(tiled, 0)];
    for (const { data } of [fragments, tiles]) fill(data, 3);
    codec.encodeParity(fragments.data, fragments.parity);
    const { segmentHash, fragmentHashes } = hashFragments(tiles.data, tiles.parity, await createCodec(tiled.memory));
    expect(segmentHash).toBe(sha256(Buffer.concat(fragments.data)));
    expect(fragmentHashes).toEqual([...fragments.data, ...fragments.parity].map(sha256));
  });

  it.each(["now", "when used"] as const)("is all zeros at first, where it is taken %s", (taken) => {
    const { data, parity } = slotOf(createSegmentMemory(2, "tiles", taken), 1);
    const zeros = new Uint8Array(FRAGMENT_BYTES);
    for (const place of [...data, ...parity]) expect(Buffer.compare(place, zeros.subarray(0, place.length))).toBe(0);
  });

  it("is the same memory in a thread that it is posted to", async () => {
    const segments = createSegmentMemory(1, "tiles");
    const [quarter] = slotOf(segments, 0).data as [Uint8Array];
    const body = `const { workerData, parentPort } = require("node:worker_threads");
      new Uint8Array(workerData.segments.memory.buffer)[workerData.at] = 77; parentPort.postMessage("done");`;
    const thread = new Worker(body, { eval: true, workerData: { segments, at: quarter.byteOffset + 5 } });
    await new Promise((resolve) => thread.once("message", resolve));
    await thread.terminate();
    expect(quarter[5]).toBe(77);
  });

  it("refuses more slots than addresses reach, none, and a slot that it does not have", () => {
    const segments = createSegmentMemory(1, "tiles");
    for (const slots of [0, -1, 1.5, slotsMax("fragments") + 1]) {
      expect(() => createSegmentMemory(slots, "fragments")).toThrow(
        expect.objectContaining({ code: "SEGMENT_MEMORY_INVALID" }),
      );
    }
    for (const index of [-1, 1, 0.5]) {
      expect(() => slotOf(segments, index)).toThrow(expect.objectContaining({ code: "SLOT_INVALID" }));
    }
  });
});
