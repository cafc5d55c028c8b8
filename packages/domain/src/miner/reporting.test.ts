import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { judge, noExperience } from "./judge.js";
import { defaultPolicy } from "./policy.js";
import { reportPatienceMs } from "./report-deadline.js";
import { measureReporting, type Reporting } from "./reporting.js";

const policy = defaultPolicy;
const patience = { baseMs: 90_000, perColumnMs: 9_000, maxMs: 900_000 };

/** A miner that reports every `gapMs`, of columns that had waited since the beginning. */
function steadily(gapMs: number, reports: number): Reporting {
  let reporting: Reporting | null = null;
  for (let i = 1; i <= reports; i += 1) reporting = measureReporting(reporting, 0, i * gapMs, policy);
  return reporting as Reporting;
}

describe("how a miner's reports come", () => {
  it("is learnt from the gaps between reports of columns that were waiting", () => {
    expect(steadily(20_000, 300).secondsPerReport).toBeCloseTo(20, 0);
    expect(steadily(3_000, 60).secondsPerReport).toBeCloseTo(3, 0);
  });

  it("is not taken for slow because of the pauses between its rounds", () => {
    let reporting = measureReporting(null, 0, 0, policy);
    for (let round = 0; round < 50; round += 1) {
      for (const pause of [30_000, 7_000, 7_000])
        reporting = measureReporting(reporting, 0, reporting.at + pause, policy);
    }
    expect(reporting.secondsPerReport).toBeGreaterThan(6);
    expect(reporting.secondsPerReport).toBeLessThan(11);
  });

  it("says nothing of the pace when the miner had nothing to report", () => {
    const before = measureReporting(null, 0, 10_000, policy);
    const idle = measureReporting(before, 500_000, 520_000, policy);
    expect(idle.secondsPerReport).toBe(before.secondsPerReport);
    expect(idle.peakLagMs).toBeGreaterThan(10_000);
  });

  it("stays within the prior and the longest gap that counts, whatever comes", () => {
    const report = fc.record({ waitMs: fc.integer({ min: 0, max: 1e7 }), gapMs: fc.integer({ min: -1e5, max: 1e7 }) });
    fc.assert(
      fc.property(fc.array(report, { maxLength: 60 }), (reports) => {
        let now = 0;
        let reporting: Reporting | null = null;
        for (const { waitMs, gapMs } of reports) {
          now += gapMs;
          reporting = measureReporting(reporting, now - waitMs, now, policy);
          expect(reporting.secondsPerReport).toBeGreaterThanOrEqual(0);
          expect(reporting.secondsPerReport).toBeLessThanOrEqual(policy.secondsPerReportMax);
          expect(reporting.peakLagMs).toBeGreaterThanOrEqual(waitMs);
        }
      }),
    );
  });

  it("makes the deadline of a slow miner longer, and nobody's shorter", () => {
    const slow = steadily(20_000, 300);
    expect(reportPatienceMs(10, patience, slow)).toBeGreaterThan(reportPatienceMs(10, patience) + 100_000);
    expect(reportPatienceMs(10, patience, steadily(1_000, 60))).toBe(180_000);
    expect(reportPatienceMs(1_000, patience, slow)).toBe(900_000);
    const lagging = measureReporting(null, 0, 400_000, policy);
    expect(reportPatienceMs(0, patience, lagging)).toBe(600_000);
  });

  it("is learnt by judging reports whose placement is known", () => {
    const circumstances = { now: 30_000, random: () => 0.5, isOursTheFault: false, isPoolCrowded: false };
    const judged = judge(noExperience(0), { kind: "reported", placedAt: 10_000 }, circumstances, policy);
    expect(judged.reporting).toEqual({ secondsPerReport: policy.secondsPerReport, peakLagMs: 20_000, at: 30_000 });
  });
});
