import { describe, expect, it } from "@jest/globals";
import { reportPatienceMs } from "./report-deadline.js";

describe("patience for a report", () => {
  it("is 90 seconds and 9 more for each column in the miner's queue, at most 15 minutes", () => {
    const patience = { baseMs: 90_000, perColumnMs: 9_000, maxMs: 900_000 };
    expect(reportPatienceMs(0, patience)).toBe(90_000);
    expect(reportPatienceMs(10, patience)).toBe(180_000);
    expect(reportPatienceMs(1_000, patience)).toBe(900_000);
  });
});
