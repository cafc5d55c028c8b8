import { describe, expect, it } from "@jest/globals";
import { hasReached, stages } from "./await-stage.js";
import { stateOfDeal } from "./follow-upload.js";
import { publicStateOf } from "./report-status.js";

const upload = (state: Parameters<typeof hasReached>[0]["state"], placedColumns = 0, reportedColumns = 0) => ({
  state,
  placedColumns,
  reportedColumns,
});

describe("a stage", () => {
  it.each([
    [upload("receiving"), []],
    [upload("received"), ["received"]],
    [upload("encoded"), ["received", "encoded"]],
    [upload("declared"), ["received", "encoded", "declared"]],
    [upload("placing", 11), ["received", "encoded", "declared"]],
    [upload("placing", 12), ["received", "encoded", "declared", "placed"]],
    [upload("active"), [...stages]],
    [upload("failed"), []],
  ])("is reached by %j and what comes before it too", (row, expected) => {
    expect(stages.filter((stage) => hasReached(row, stage))).toEqual(expected);
  });

  it("is told to clients as placing while columns are sent, then as reported", () => {
    expect(publicStateOf(upload("placing", 3, 3))).toBe("placing");
    expect(publicStateOf(upload("placing", 12, 3))).toBe("reported");
    expect(publicStateOf(upload("encoded", 12, 12))).toBe("encoded");
  });

  it("of a deal is on chain only after it was declared", () => {
    const deal = { placedColumns: 0, reportedColumns: 0 };
    expect(stateOfDeal({ ...deal, state: "opened" })).toBe("encoded");
    expect(stateOfDeal({ ...deal, state: "declaring" })).toBe("encoded");
    expect(stateOfDeal({ ...deal, state: "placing" })).toBe("declared");
    expect(stateOfDeal({ ...deal, state: "placing", placedColumns: 1 })).toBe("placing");
    expect(stateOfDeal({ ...deal, state: "active" })).toBe("active");
    expect(stateOfDeal({ ...deal, state: "failed" })).toBe("failed");
  });
});
