import { describe, expect, it } from "@jest/globals";
import { renderLine } from "./progress.js";

const line = (done: number, total: number, unit: "bytes" | "steps") =>
  renderLine({ label: "upload", total, unit, done, note: "", elapsedMs: 2000 });

describe("progress", () => {
  it("fills the bar as the work is done, and says how fast", () => {
    expect(line(0, 100, "steps")).toContain("0/100");
    expect(line(0, 100, "steps")).not.toContain("█");
    expect(line(100, 100, "steps")).not.toContain("░");
    expect(line(50 * 2 ** 20, 100 * 2 ** 20, "bytes")).toContain("50% 50.0 MiB of 100.0 MiB 25.0 MiB/s");
  });

  it("does not divide by nothing", () => {
    expect(line(0, 0, "bytes")).toContain("100%");
  });
});
