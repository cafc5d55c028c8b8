import { describe, expect, it } from "@jest/globals";
import { formatBytes, MiB, parseBytes, parseDuration } from "./unit.js";

describe("units", () => {
  it("reads sizes and durations with their unit, and nothing without one", () => {
    expect([parseBytes("8MiB"), parseBytes("1.5 KiB"), parseBytes("0B")]).toEqual([8 * MiB, 1536, 0]);
    expect([parseDuration("90s"), parseDuration("250ms"), parseDuration("6h")]).toEqual([90_000, 250, 21_600_000]);
    for (const text of ["8", "MiB", "8 MB", "-1B", ""]) {
      expect(() => parseBytes(text)).toThrow(expect.objectContaining({ code: "SIZE_INVALID" }));
    }
    expect(() => parseDuration("8KiB")).toThrow(expect.objectContaining({ code: "DURATION_INVALID" }));
  });

  it("writes sizes for people", () => {
    expect([0, 134.8, 1536, 32 * MiB].map(formatBytes)).toEqual(["0 B", "135 B", "1.5 KiB", "32.0 MiB"]);
  });
});
