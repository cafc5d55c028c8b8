import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Brake, brakeCharge, decideResend, earnBrake, newBrake } from "./brake.js";
import { defaultPolicy } from "./policy.js";
import { type Evidence, noEvidence } from "./reputation.js";

const policy = defaultPolicy;
const known = { kept: 50, broken: 0, at: 0 };

describe("the brake on sending again", () => {
  it("lets few known miners be called overdue, then prolongs their deadlines", () => {
    let brake: Brake = newBrake(0, policy);
    let resent = 0;
    for (let i = 0; i < 100; i += 1) {
      const made = decideResend({ evidence: known, patienceMs: 90_000 }, brake, 1_000, policy);
      brake = made.brake;
      if (made.decision.resend) resent += 1;
      else expect(made.decision.reportBy).toBe(1_000 + 90_000 * policy.brakeStretch);
    }
    expect(resent).toBe(Math.floor(policy.brakeBurst));
  });

  it("hardly counts the silence of miners that never reported: liars are not a slow chain", () => {
    expect(brakeCharge(noEvidence(0), 0, policy)).toBe(policy.brakeLeastCharge);
    expect(brakeCharge(known, 0, policy)).toBeGreaterThan(0.98);
  });

  /** How many of these are sent again at once. */
  const resentAtOnce = (brake: Brake, evidence: Evidence, count: number, now: number): number => {
    let left = brake;
    let resent = 0;
    for (let i = 0; i < count; i += 1) {
      const made = decideResend({ evidence, patienceMs: 90_000 }, left, now, policy);
      left = made.brake;
      if (made.decision.resend) resent += 1;
    }
    return resent;
  };
  const placed = (columns: number, now: number) => earnBrake(newBrake(0, policy), columns, now, policy);

  it("does not hold up a gateway that knows nobody yet: of very many columns placed at once, those at liars go on", () => {
    const columns = 100_000;
    const liars = 0.03 * columns;
    expect(resentAtOnce(placed(columns, 20_000), noEvidence(0), liars, 110_000)).toBe(liars);
  });

  it("lets known miners that all fall silent lose a burst and a share of what was placed lately, not of a whole day", () => {
    const columns = 10_000;
    const lately = resentAtOnce(placed(columns, 0), known, columns, 0);
    expect(lately).toBeGreaterThan(policy.brakeShare * columns);
    expect(lately).toBeLessThan(1.05 * (policy.brakeShare * columns + policy.brakeBurst));
    const longAgo = resentAtOnce(placed(columns, 0), known, columns, 20 * policy.brakeFadeMs);
    expect(longAgo).toBe(Math.floor(policy.brakeBurst));
  });

  it("charges at most what traffic, time and one burst have earned", () => {
    const step = fc.record({
      placed: fc.integer({ min: 0, max: 12 }),
      pauseMs: fc.integer({ min: -1_000, max: 60_000 }),
      kept: fc.double({ min: 0, max: 100, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (random) => {
        // In the end as many as it will let.
        const steps = [...random, ...new Array(100).fill({ placed: 0, pauseMs: 100, kept: 100 })];
        let brake = newBrake(0, policy);
        let now = 0;
        let newest = 0;
        let placed = 0;
        let charged = 0;
        for (const one of steps) {
          now += one.pauseMs;
          newest = Math.max(newest, now);
          placed += one.placed;
          brake = earnBrake(brake, one.placed, now, policy);
          const evidence = { kept: one.kept, broken: 0, at: now };
          const made = decideResend({ evidence, patienceMs: 90_000 }, brake, now, policy);
          brake = made.brake;
          if (made.decision.resend) charged += made.decision.charge;
          const earned = placed * policy.brakeShare + (newest / 60_000) * policy.brakePerMinute + policy.brakeBurst;
          expect(charged).toBeLessThanOrEqual(earned + 1e-9);
        }
      }),
    );
  });
});
