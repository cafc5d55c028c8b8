import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { GuestMemory, Heap, pageBytes } from "./memory.js";
import { wasm } from "./web-assembly.js";

const base = 1001;
const guest = (heapBase = base): GuestMemory => new GuestMemory(new wasm.Memory({ initial: 1 }), new Heap(heapBase));

/** A piece of this many bytes, or the end of one that is in use, by its place among them. */
type Step = { readonly take: number } | { readonly giveBack: number };
const steps = fc.array(
  fc.oneof(
    fc.record({ take: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 3 * pageBytes })) }),
    fc.record({ giveBack: fc.nat() }),
  ),
  { maxLength: 40 },
);

/** @returns where each piece was, in the order of the steps */
function run(memory: GuestMemory, todo: readonly Step[]): number[] {
  const inUse: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  const places: number[] = [];
  for (const [i, step] of todo.entries()) {
    if ("take" in step) {
      const bytes = new Uint8Array(step.take).fill(i + 1);
      const at = memory.place(bytes);
      places.push(at);
      inUse.push({ at, bytes });
    } else {
      const [piece] = inUse.splice(step.giveBack % Math.max(inUse.length, 1), 1);
      if (piece !== undefined) memory.free(piece.at);
    }
    for (const { at, bytes } of inUse) expect(Buffer.compare(memory.read(at, bytes.length), bytes)).toBe(0);
  }
  return places;
}

describe("the heap of a runtime", () => {
  it("gives each piece a place of its own above the runtime's data, whatever was given back", () => {
    fc.assert(
      fc.property(steps, (todo) => {
        const places = run(guest(), todo);
        for (const at of places) expect([at >= base, at % 8]).toEqual([true, 0]);
      }),
    );
  });

  it("once everything is free again it hands out the same places as the first time", () => {
    fc.assert(
      fc.property(steps, steps, (before, todo) => {
        const memory = guest();
        run(memory, before);
        memory.heap.reset();
        expect(run(memory, todo)).toEqual(run(guest(), todo));
      }),
    );
  });

  it("takes back only what is in use: nothing twice, nothing from before everything was free, no other place", () => {
    const memory = guest();
    const [first, second] = [memory.malloc(16), memory.malloc(16)];
    memory.free(first);
    // Data of the runtime that looks as if a piece began there.
    memory.write(0, memory.read(second - 8, 8));
    for (const pointer of [first, second + 8, 8, 0, -1]) {
      expect(() => memory.free(pointer)).toThrow(/nothing was allocated|no byte/);
    }
    memory.heap.reset();
    memory.malloc(16);
    expect(() => memory.free(second)).toThrow(/nothing was allocated/);
  });

  it("grows the memory by the pages that it needs, up to a gibibyte", () => {
    const memory = guest();
    const at = memory.malloc(4 * pageBytes);
    expect(() => memory.read(at, 4 * pageBytes)).not.toThrow();
    expect(() => guest(2 ** 30 - 8).malloc(1)).toThrow(/memory is full/);
  });
});
