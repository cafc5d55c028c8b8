import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { parseContentRange, stretchesOf } from "./content-range.js";

function codeOf(header: string | undefined): string {
  try {
    parseContentRange(header);
    return "none";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe("Content-Range of a chunk", () => {
  it("names the last byte inclusively", () => {
    expect(parseContentRange("bytes 0-52428799/104857600")).toEqual({ start: 0, end: 52_428_800, total: 104_857_600 });
    expect(parseContentRange(" Bytes 9-9/10 ")).toEqual({ start: 9, end: 10, total: 10 });
  });

  it.each([
    "bytes 0-10/10",
    "bytes 5-4/10",
    "bytes 0-9/*",
    "bytes */10",
    "0-9/10",
    "bytes=0-9/10",
    "bytes 0-0/0",
    "bytes -1-2/3",
    "bytes 1e1-20/30",
    "bytes 0-9999999999999999/99999999999999999",
  ])("%s is refused", (header) => {
    expect(codeOf(header)).toBe("CONTENT_RANGE_INVALID");
  });

  it.each([undefined, "", "  "])("%p is missing", (header) => {
    expect(codeOf(header)).toBe("CONTENT_RANGE_MISSING");
  });
});

describe("what has come and what is missing", () => {
  it("together are the whole object, once, whatever chunks have come", () => {
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 20 });
    fc.assert(
      fc.property(cuts, fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }), (inner, has) => {
        const edges = [0, ...[...inner].sort((a, b) => a - b), 100];
        const parts = edges.slice(1).map((end, i) => ({ start: edges[i] as number, end }));
        const come = parts.filter((_, i) => has[i]);
        const { received, missing } = stretchesOf([...come].reverse(), 100);
        const covered = new Array<string>(100).fill("");
        for (const [name, stretches] of Object.entries({ received, missing })) {
          for (const { start, last } of stretches) for (let at = start; at <= last; at += 1) covered[at] += name;
        }
        const expected = covered.map((_, at) =>
          come.some((p) => p.start <= at && at < p.end) ? "received" : "missing",
        );
        expect(covered).toEqual(expected);
        // Joined where they touch: between two received stretches something is missing.
        expect(received.length).toBeLessThanOrEqual(missing.length + 1);
      }),
    );
  });
});
