import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { runPromtool } from "../../../packages/testnet/src/server/prometheus.js";

const folder = join(import.meta.dirname, "..");
const filesIn = (name: string) => readdirSync(join(folder, name)).map((file) => `${name}/${file}`);

describe("Prometheus' own tool", () => {
  it("takes the configuration and every rule", async () => {
    const config = await runPromtool(["check", "config", "prometheus.yml"], { cwd: folder });
    expect(config).toEqual({ isOk: true, output: expect.stringContaining("SUCCESS") });
    const rules = await runPromtool(["check", "rules", ...filesIn("rules")], { cwd: folder });
    expect(rules).toEqual({ isOk: true, output: expect.stringContaining("SUCCESS") });
  });

  it("sees every alert fire when it must, and be silent when not", async () => {
    const { isOk, output } = await runPromtool(["test", "rules", ...filesIn("tests")], { cwd: folder });
    expect(output.match(/^ {2}SUCCESS$/gm)).toHaveLength(filesIn("tests").length);
    expect(isOk).toBe(true);
  });

  it("would refuse a rule that is none", async () => {
    expect((await runPromtool(["check", "rules", "prometheus.yml"], { cwd: folder })).isOk).toBe(false);
  });
});
