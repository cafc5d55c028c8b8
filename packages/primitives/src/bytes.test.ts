import { describe, expect, it } from "@jest/globals";
import { copyBytes, zeroBytes } from "./bytes.js";

const LENGTH = 200_000;
const source = Uint8Array.from({ length: 300 }, (_, i) => (i % 255) + 1);
const memories = {
  own: () => new Uint8Array(new ArrayBuffer(LENGTH + 16), 8, LENGTH).fill(9),
  shared: () => new Uint8Array(new SharedArrayBuffer(LENGTH + 16), 8, LENGTH).fill(9),
};

describe.each(["own", "shared"] as const)("bytes in memory that is %s", (kind) => {
  it("are copied from anywhere to anywhere, and nothing beside them", () => {
    for (const [from, to, at] of [
      [0, 300, 0],
      [3, 290, 7],
      [1, 2, LENGTH - 1],
      [5, 5, LENGTH],
    ] as const) {
      const target = memories[kind]();
      const expected = Array.from(target);
      expected.splice(at, to - from, ...source.subarray(from, to));
      copyBytes(source.subarray(from, to), target, at);
      expect(Buffer.compare(target, Uint8Array.from(expected))).toBe(0);
      expect([...new Uint8Array(target.buffer, 0, 8), ...new Uint8Array(target.buffer, 8 + LENGTH)]).toEqual(
        Array(16).fill(0),
      );
    }
  });

  it("that do not fit are refused", () => {
    const target = memories[kind]();
    expect(() => copyBytes(source, target, LENGTH - 299)).toThrow(
      expect.objectContaining({ code: "ERR_OUT_OF_RANGE" }),
    );
    expect(target.every((byte) => byte === 9)).toBe(true);
  });

  it("become zeros from one of them on", () => {
    for (const from of [0, 1, 70_000, LENGTH]) {
      const target = memories[kind]();
      zeroBytes(target, from);
      expect(target.indexOf(0)).toBe(from === LENGTH ? -1 : from);
      expect(target.subarray(from).every((byte) => byte === 0)).toBe(true);
    }
  });
});
