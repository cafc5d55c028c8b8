import { describe, expect, it } from "@jest/globals";
import { parseRange } from "./serve-fragment.js";

describe("range of the miner protocol", () => {
  it.each([
    ["bytes=0-100/8388608", { start: 0, end: 100 }],
    ["bytes 5-6/*", { start: 5, end: 6 }],
    ["bytes=0-1000/", { start: 0, end: 1000 }],
  ])("%s has an exclusive end", (range, span) => {
    expect(parseRange(range, 1000)).toEqual(span);
  });

  it.each(["bytes=0-99", "bytes=0-1001/1000", "bytes=5-5/1000", "bytes=-5/1000", "bytes=5-/1000", "bits=0-1/2"])(
    "%s is refused",
    (range) => {
      expect(parseRange(range, 1000)).toBeNull();
    },
  );
});
