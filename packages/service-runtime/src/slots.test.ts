import { describe, expect, it } from "@jest/globals";
import { createSlots } from "./slots.js";

const forever = new AbortController().signal;
const settled = async <T>(promise: Promise<T>): Promise<T | "waiting"> => {
  const tick = new Promise<"waiting">((resolve) => setImmediate(() => resolve("waiting")));
  return Promise.race([promise, tick]);
};

describe("slots", () => {
  it("are never held by two, and go on to whoever has waited longest", async () => {
    const slots = createSlots(2);
    expect([await slots.take(forever), await slots.take(forever)]).toEqual([0, 1]);
    const [third, fourth] = [slots.take(forever), slots.take(forever)];
    expect(await settled(third)).toBe("waiting");
    slots.giveBack(1);
    expect([await settled(third), await settled(fourth)]).toEqual([1, "waiting"]);
    slots.giveBack(0);
    expect(await settled(fourth)).toBe(0);
    expect(slots.inUse()).toBe(2);
    slots.giveBack(0);
    slots.giveBack(1);
    expect(slots.inUse()).toBe(0);
  });

  it("uses a slot that was used before, rather than a new one", async () => {
    const slots = createSlots(3);
    for (let round = 0; round < 5; round += 1) {
      const slot = await slots.take(forever);
      expect(slot).toBe(0);
      slots.giveBack(slot);
    }
  });

  it("loses none to one who stops waiting", async () => {
    const slots = createSlots(1);
    const held = await slots.take(forever);
    const impatient = new AbortController();
    const left = slots.take(impatient.signal);
    const next = slots.take(forever);
    impatient.abort(new Error("no more"));
    await expect(left).rejects.toThrow("no more");
    await expect(slots.take(impatient.signal)).rejects.toThrow("no more");
    slots.giveBack(held);
    expect(await settled(next)).toBe(0);
  });
});
