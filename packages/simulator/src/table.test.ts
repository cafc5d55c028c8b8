import { describe, expect, it } from "@jest/globals";
import { runCell } from "./cell.js";
import { cellOf } from "./plan.js";
import { policyNames } from "./policy/index.js";
import { jsonRow, tableRow } from "./table.js";

const run = (policy: (typeof policyNames)[number], seconds: number) =>
  runCell(cellOf({ miners: 120, load: 0.05, policy, seconds, warmUpSeconds: 0 }), () => performance.now());

describe("the table of results", () => {
  it("has a dash where a policy never chooses twelve at once, and no number that is none", () => {
    const rows = new Map(policyNames.map((policy) => [policy, tableRow(run(policy, 20))]));
    for (const [policy, row] of rows)
      expect({ policy, row }).toEqual({ policy, row: expect.not.stringMatching(/NaN/) });
    expect(rows.get("granary")).toMatch(/ \d+\/\d+ µs /);
    expect(rows.get("deoss-like")).toMatch(/ – /);
  });

  it("has a dash, and as JSON null, for what was not measured at all", () => {
    const nothing = run("granary", 0);
    expect(tableRow(nothing)).toMatch(/ –\/–\/– .* – /);
    expect(JSON.parse(JSON.stringify(jsonRow(nothing)))).toMatchObject({ placedP50: null, activeP99: null, gini: 0 });
  });
});
