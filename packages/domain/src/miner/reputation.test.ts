import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { sampleBeta, seededRandom } from "./chance.js";
import { defaultPolicy } from "./policy.js";
import { decayed, measure, noEvidence, trustOf, weigh } from "./reputation.js";

const policy = defaultPolicy;
const halfLife = policy.evidenceHalfLifeMs;

describe("evidence", () => {
  it("weighs half after the half-life and a quarter after two", () => {
    const evidence = { kept: 8, broken: 2, at: 1_000 };
    expect(decayed(evidence, 1_000 + halfLife, policy)).toEqual({ kept: 4, broken: 1, at: 1_000 + halfLife });
    expect(decayed(evidence, 1_000 + 2 * halfLife, policy)).toMatchObject({ kept: 2, broken: 0.5 });
  });

  it("decays by the time that passed, however often it was looked at", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 86_400_000 }), { maxLength: 20 }), (pauses) => {
        const end = pauses.reduce((sum, one) => sum + one, 0);
        let now = 0;
        let stepped = { kept: 100, broken: 50, at: 0 };
        for (const pause of pauses) {
          now += pause;
          stepped = decayed(stepped, now, policy);
        }
        const once = decayed({ kept: 100, broken: 50, at: 0 }, end, policy);
        expect(stepped.kept).toBeCloseTo(once.kept, 9);
        expect(stepped.broken).toBeCloseTo(once.broken, 9);
      }),
    );
  });

  it("does not change when the clock goes back", () => {
    expect(decayed({ kept: 3, broken: 1, at: 5_000 }, 1_000, policy)).toEqual({ kept: 3, broken: 1, at: 5_000 });
  });

  it("gives a trust strictly between 0 and 1, and never weighs less than nothing", () => {
    const change = fc.record({
      kept: fc.double({ min: -10, max: 10, noNaN: true }),
      broken: fc.double({ min: -10, max: 10, noNaN: true }),
      after: fc.integer({ min: 0, max: 10_000_000 }),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 50 }), (changes) => {
        let now = 0;
        let evidence = noEvidence(0);
        for (const { kept, broken, after } of changes) {
          now += after;
          evidence = weigh(evidence, { kept, broken }, now, policy);
          expect(evidence.kept).toBeGreaterThanOrEqual(0);
          expect(evidence.broken).toBeGreaterThanOrEqual(0);
          const trust = trustOf(evidence, now, policy);
          expect(trust).toBeGreaterThan(0);
          expect(trust).toBeLessThan(1);
        }
      }),
    );
  });

  it("depends on the order of two events within a second by less than a ten-thousandth", () => {
    const start = { kept: 20, broken: 5, at: 0 };
    const kept = { kept: 1, broken: 0 };
    const broken = { kept: 0, broken: 1 };
    const one = weigh(weigh(start, kept, 0, policy), broken, 1_000, policy);
    const other = weigh(weigh(start, broken, 0, policy), kept, 1_000, policy);
    expect(Math.abs(trustOf(one, 1_000, policy) - trustOf(other, 1_000, policy))).toBeLessThan(1e-4);
  });
});

describe("speed", () => {
  it("takes a slower measurement at once and a faster one as time goes by", () => {
    const first = measure(null, 2, 0, policy);
    const peak = measure(first, 10, 1, policy);
    expect(peak.secondsPerFragment).toBe(10);
    const soon = measure(peak, 2, 1_001, policy);
    expect(soon.secondsPerFragment).toBeGreaterThan(9);
    const later = measure(peak, 2, 10 * policy.speedTauMs, policy);
    expect(later.secondsPerFragment).toBeLessThan(2.01);
  });
});

describe("a draw from a Beta", () => {
  it("has the mean and the variance of the distribution", () => {
    const random = seededRandom(7);
    for (const [a, b] of [
      [1, 1],
      [4, 1],
      [30, 12],
    ] as const) {
      const draws = Array.from({ length: 20_000 }, () => sampleBeta(a, b, random));
      const mean = draws.reduce((sum, one) => sum + one, 0) / draws.length;
      const variance = draws.reduce((sum, one) => sum + (one - mean) ** 2, 0) / draws.length;
      expect(mean).toBeCloseTo(a / (a + b), 2);
      const expected = (a * b) / ((a + b) ** 2 * (a + b + 1));
      expect(Math.abs(variance / expected - 1)).toBeLessThan(0.05);
    }
  });

  it("ends, inside (0, 1), also where chance is stuck", () => {
    for (const value of [0, 0.5, 1 - 2 ** -53]) {
      const draw = sampleBeta(4, 1, () => value);
      expect(draw).toBeGreaterThan(0);
      expect(draw).toBeLessThan(1);
    }
  });
});
