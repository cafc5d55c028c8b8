import { FRAGMENT_BYTES, MiB, SEGMENT_BYTES } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { contentRange, dataRowsOf, parseRange, spansOf } from "./range.js";

const full = { kind: "full" };
const unsatisfiable = { kind: "unsatisfiable" };
const partial = (start: number, end: number) => ({ kind: "partial", range: { start, end } });

describe("a Range header", () => {
  it.each([
    ["bytes=0-0", partial(0, 1)],
    ["bytes=0-499", partial(0, 500)],
    ["bytes=500-999", partial(500, 1000)],
    ["bytes=999-", partial(999, 1000)],
    ["bytes=0-", partial(0, 1000)],
    ["bytes=990-5000", partial(990, 1000)],
    ["bytes=-1", partial(999, 1000)],
    ["bytes=-1000", partial(0, 1000)],
    ["bytes=-5000", partial(0, 1000)],
    ["BYTES=1-2", partial(1, 3)],
    ["bytes= 1-2 ", partial(1, 3)],
    ["bytes=5-99999999999999999999999999", partial(5, 1000)],
  ])("%s of a thousand bytes asks for one range", (header, answer) => {
    expect(parseRange(header, 1000)).toEqual(answer);
  });

  it.each(["bytes=1000-", "bytes=1000-2000", "bytes=99999999999999999999-", "bytes=-0", "bytes=1000-,-0"])(
    "%s of a thousand bytes cannot be satisfied",
    (header) => {
      expect(parseRange(header, 1000)).toEqual(unsatisfiable);
    },
  );

  it.each([
    undefined,
    "",
    "bytes",
    "bytes=",
    "bytes=,",
    "bytes=-",
    "bytes=a-b",
    "bytes=1",
    "bytes=5-3",
    "bytes=1-2-3",
    "bytes=0x1-2",
    "bytes=1.5-2",
    "bytes=+1-2",
    "bytes=1 - 2",
    "lines=1-2",
    "bytes=0-1,x",
    "bytes 0-1",
  ])("%p is ignored", (header) => {
    expect(parseRange(header, 1000)).toEqual(full);
  });

  it.each([
    ["bytes=0-9,10-19", partial(0, 20)],
    ["bytes=10-19,0-9", partial(0, 20)],
    ["bytes=0-99,50-60", partial(0, 100)],
    ["bytes=0-4, ,2-", partial(0, 1000)],
    ["bytes=900-,-50", partial(900, 1000)],
    ["bytes=5-6,2000-", partial(5, 7)],
  ])("%s joins to one range", (header, answer) => {
    expect(parseRange(header, 1000)).toEqual(answer);
  });

  it("with a gap between its ranges is answered with everything", () => {
    expect(parseRange("bytes=0-9,11-19", 1000)).toEqual(full);
    expect(parseRange("bytes=0-0,-1", 1000)).toEqual(full);
  });

  it("of the empty object: nothing can be had, but all of a suffix can", () => {
    for (const header of ["bytes=0-", "bytes=0-0", "bytes=-0"]) expect(parseRange(header, 0)).toEqual(unsatisfiable);
    expect(parseRange("bytes=-1", 0)).toEqual(full);
  });

  it("never leads outside the object", () => {
    const bound = fc.oneof(fc.constant(""), fc.nat(3000).map(String));
    const specifier = fc.tuple(bound, bound).map(([a, b]) => `${a}-${b}`);
    fc.assert(
      fc.property(fc.array(specifier, { minLength: 1, maxLength: 4 }), fc.nat(2000), (specifiers, size) => {
        const answer = parseRange(`bytes=${specifiers.join(",")}`, size);
        if (answer.kind !== "partial") return;
        const { start, end } = answer.range;
        expect(start >= 0 && start < end && end <= size).toBe(true);
      }),
    );
  });

  it("is answered with the bytes it got, or the size it missed", () => {
    expect(contentRange({ start: 0, end: 500 }, 1000)).toBe("bytes 0-499/1000");
    expect(contentRange(null, 1000)).toBe("bytes */1000");
  });
});

describe("the spans of a range", () => {
  it("are its bytes, in order, each within one segment", () => {
    const encryption = fc.constantFrom("none" as const, "cess-cipher" as const);
    const offset = fc.oneof(
      fc.nat(8 * SEGMENT_BYTES),
      fc.tuple(fc.nat(8), fc.integer({ min: -40, max: 40 })).map(([n, d]) => Math.max(0, n * SEGMENT_BYTES + d)),
    );
    fc.assert(
      fc.property(offset, offset, encryption, (x, y, mode) => {
        const range = { start: Math.min(x, y), end: Math.max(x, y) };
        const capacity = mode === "none" ? SEGMENT_BYTES : SEGMENT_BYTES - 16;
        let at = range.start;
        for (const { segment, within } of spansOf(range, mode)) {
          expect(segment * capacity + within.start).toBe(at);
          expect(within.start < within.end && within.end <= capacity).toBe(true);
          at = segment * capacity + within.end;
        }
        expect(at).toBe(range.end);
      }),
    );
  });

  it("touch only the data fragments that hold them, where nothing is encrypted", () => {
    expect(dataRowsOf({ start: 0, end: 1 })).toEqual([0]);
    expect(dataRowsOf({ start: FRAGMENT_BYTES - 1, end: FRAGMENT_BYTES })).toEqual([0]);
    expect(dataRowsOf({ start: FRAGMENT_BYTES - 1, end: FRAGMENT_BYTES + 1 })).toEqual([0, 1]);
    expect(dataRowsOf({ start: FRAGMENT_BYTES, end: FRAGMENT_BYTES + 1 })).toEqual([1]);
    expect(dataRowsOf({ start: 9 * MiB, end: 25 * MiB })).toEqual([1, 2, 3]);
    expect(dataRowsOf({ start: 0, end: SEGMENT_BYTES })).toEqual([0, 1, 2, 3]);
    expect(dataRowsOf({ start: 0, end: 1 }, "cess-cipher")).toEqual([0, 1, 2, 3]);
  });
});
