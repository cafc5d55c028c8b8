import { createSegmentMemory } from "@granary/erasure";
import { FRAGMENTS_PER_SEGMENT } from "@granary/primitives";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { createSegmentBuffers } from "./segment-buffers.js";

const memory = createSegmentMemory(2, "fragments", "when used");
const patient = () => new AbortController().signal;

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** Buffers, and how often their holders were asked to let go. */
function start() {
  let asked = 0;
  const buffers = createSegmentBuffers({ memory, onStarving: () => (asked += 1) });
  return { buffers, asked: () => asked };
}

describe("the buffers of segments", () => {
  it("are as many as the memory has slots, each apart from the others, the segment in its first four places", async () => {
    const { buffers } = start();
    const [a, b] = [await buffers.take(patient()), await buffers.take(patient())];
    expect([a.index, b.index].sort()).toEqual([0, 1]);
    expect(buffers.free()).toBe(0);
    for (const { data, places } of [a, b]) {
      expect(places).toHaveLength(FRAGMENTS_PER_SEGMENT);
      expect(data).toEqual(places.slice(0, 4));
    }
    const begins = [...a.places, ...b.places].map(({ byteOffset }) => byteOffset);
    expect(new Set(begins).size).toBe(2 * FRAGMENTS_PER_SEGMENT);
  });

  it("go to who has waited longest, the last that came back first; given back twice, they are there once", async () => {
    const { buffers } = start();
    const [a, b] = [await buffers.take(patient()), await buffers.take(patient())];
    const order: string[] = [];
    const noted = async (name: string) => {
      const buffer = await buffers.take(patient());
      order.push(name);
      return buffer;
    };
    const [first, second] = [noted("first"), noted("second")];
    b.release();
    b.release();
    await Promise.race([first, second]);
    expect([order, buffers.free()]).toEqual([["first"], 0]);
    expect((await first).index).toBe(b.index);
    a.release();
    expect((await second).index).toBe(a.index);
    (await first).release();
    (await second).release();
    expect(buffers.free()).toBe(2);
    expect((await buffers.take(patient())).index).toBe(a.index);
  });

  it("are not waited for by who was called off, before or meanwhile, and nobody else loses one by it", async () => {
    const { buffers } = start();
    const [a] = [await buffers.take(patient()), await buffers.take(patient())];
    await expect(buffers.take(AbortSignal.abort(new Error("too late")))).rejects.toThrow("too late");
    const stop = new AbortController();
    const leaving = buffers.take(stop.signal);
    const staying = buffers.take(patient());
    stop.abort(new Error("gone"));
    await expect(leaving).rejects.toThrow("gone");
    let given: number | null = null;
    void staying.then(({ index }) => (given = index));
    a.release();
    await jest.advanceTimersByTimeAsync(1);
    expect(given).toBe(a.index);
  });

  it("are asked for again and again while somebody waits, and no longer", async () => {
    const { buffers, asked } = start();
    const [a] = [await buffers.take(patient()), await buffers.take(patient())];
    jest.advanceTimersByTime(5_000);
    expect(asked()).toBe(0);
    const waiting = buffers.take(patient());
    jest.advanceTimersByTime(2_500);
    expect(asked()).toBe(2);
    a.release();
    await waiting;
    jest.advanceTimersByTime(5_000);
    expect(asked()).toBe(2);
  });
});
