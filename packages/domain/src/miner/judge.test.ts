import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { seededRandom } from "./chance.js";
import { cooldownLengthMs, phaseOf } from "./cooldown.js";
import { createWeatherWatch, isOursTheFault, isPoolCrowded } from "./environment.js";
import { type Circumstances, type Experience, judge, noExperience } from "./judge.js";
import type { Observation } from "./penalty.js";
import { defaultPolicy } from "./policy.js";
import { trustOf } from "./reputation.js";

const policy = defaultPolicy;
const at = (now: number, more: Partial<Circumstances> = {}): Circumstances => ({
  now,
  random: () => 1 - 2 ** -53,
  isOursTheFault: false,
  isPoolCrowded: false,
  ...more,
});
const refused: Observation = { kind: "failed", code: "MINER_REFUSED" };
const missed: Observation = { kind: "report-missed" };

const after = (observations: readonly Observation[], experience: Experience = noExperience(0)): Experience =>
  observations.reduce((so, observation) => judge(so, observation, at(0), policy), experience);

describe("judging a miner", () => {
  it("earns no trust by taking fragments, only by reporting them", () => {
    const taken = after(Array.from({ length: 50 }, () => ({ kind: "transferred", secondsPerFragment: 0.1 }) as const));
    expect(trustOf(taken.evidence, 0, policy)).toBe(trustOf(noExperience(0).evidence, 0, policy));
    expect(trustOf(after([{ kind: "reported" }]).evidence, 0, policy)).toBeGreaterThan(
      trustOf(taken.evidence, 0, policy),
    );
  });

  it("sends to rest after three failures in a row, and not after two with a success between", () => {
    expect(phaseOf(after([refused, refused]).cooldown, 0)).toBe("closed");
    expect(phaseOf(after([refused, refused, refused]).cooldown, 0)).toBe("open");
    const mended = after([refused, refused, { kind: "transferred", secondsPerFragment: 1 }, refused]);
    expect(phaseOf(mended.cooldown, 0)).toBe("closed");
  });

  it("sends to rest at once for a missed report, and gives exactly that back for a late one", () => {
    const liar = after([missed]);
    expect(phaseOf(liar.cooldown, 0)).toBe("open");
    expect(liar.evidence.broken).toBe(5);
    const hour = 3_600_000;
    const late = judge(liar, { kind: "report-late", missedAt: 0 }, at(hour), policy);
    expect(phaseOf(late.cooldown, hour)).toBe("closed");
    expect(late.evidence.broken).toBeCloseTo(2 ** (-1 / 3), 9);
    expect(late.cooldown.exponent).toBe(0);
  });

  it("rests twice as long each time, up to the maximum, and shortens that by at most half", () => {
    let experience = noExperience(0);
    let now = 0;
    for (let n = 1; n <= 12; n += 1) {
      experience = judge(experience, missed, at(now, { random: seededRandom(n) }), policy);
      const length = (experience.cooldown.until as number) - now;
      const ladder = Math.min(policy.cooldownMaxMs, policy.cooldownBaseMs * 2 ** (n - 1));
      expect(cooldownLengthMs(n, policy)).toBe(ladder);
      expect(length).toBeLessThanOrEqual(ladder + 1);
      expect(length).toBeGreaterThanOrEqual(ladder / 2);
      now = experience.cooldown.until as number;
    }
  });

  it("sends a half-open miner back to rest, longer, for one failure, and frees it for one report", () => {
    const resting = after([refused, refused, refused]);
    const over = resting.cooldown.until as number;
    expect(phaseOf(resting.cooldown, over)).toBe("half-open");
    const failed = judge(resting, refused, at(over), policy);
    expect((failed.cooldown.until as number) - over).toBeGreaterThan(policy.cooldownBaseMs);
    const kept = judge(resting, { kind: "reported" }, at(over), policy);
    expect(phaseOf(kept.cooldown, over)).toBe("closed");
  });

  it("marks nobody while the fault is ours, and rests nobody for transfers while half of the pool rests", () => {
    const experience = after([refused, refused]);
    expect(judge(experience, refused, at(1, { isOursTheFault: true }), policy)).toBe(experience);
    const crowded = judge(experience, refused, at(0, { isPoolCrowded: true }), policy);
    expect(phaseOf(crowded.cooldown, 0)).toBe("closed");
    expect(crowded.evidence.broken).toBe(3);
  });

  it("counts nothing that was our own doing", () => {
    for (const code of [
      "MINER_CALL_ABORTED",
      "REQUEST_TIMEOUT",
      "LEASE_LAPSED",
      "STAGED_BYTES_CORRUPT",
      "UNEXPECTED",
    ]) {
      expect(judge(after([refused]), { kind: "failed", code }, at(0), policy)).toEqual(after([refused]));
    }
  });

  it("quarantines for wrong bytes, and no time ends that", () => {
    const corrupt = after([{ kind: "corrupt", reason: "digest" }]);
    expect(corrupt.quarantine).toBe("digest");
    expect(after([{ kind: "reported" }], corrupt).quarantine).toBe("digest");
  });

  it("never shortens a rest that is under way, also where the ladder has no more steps", () => {
    const cooldown = { failuresInRow: 0, exponent: 20, until: policy.cooldownMaxMs };
    const again = judge({ ...noExperience(0), cooldown }, missed, at(0, { random: () => 0 }), policy);
    expect(again.cooldown.until).toBe(policy.cooldownMaxMs);
  });

  it("never shortens a rest by another failure, whatever comes in whatever order", () => {
    const observation = fc.constantFrom<Observation>(refused, missed, { kind: "probe-failed", code: "MINER_TIMEOUT" });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(observation, fc.integer({ min: 0, max: 100_000 })), { maxLength: 40 }),
        fc.integer(),
        (steps, seed) => {
          const random = seededRandom(seed);
          let now = 0;
          let experience = noExperience(0);
          for (const [one, pause] of steps) {
            now += pause;
            const before = experience.cooldown.until ?? 0;
            experience = judge(experience, one, at(now, { random }), policy);
            expect(experience.cooldown.until ?? 0).toBeGreaterThanOrEqual(before);
            expect((experience.cooldown.until ?? now) - now).toBeLessThanOrEqual(policy.cooldownMaxMs + 1);
          }
        },
      ),
    );
  });
});

describe("the environment guard", () => {
  it("speaks up when more than 30 % of at least twenty miners fail", () => {
    expect(isOursTheFault({ minersSeen: 20, minersFailing: 7 }, policy)).toBe(true);
    expect(isOursTheFault({ minersSeen: 20, minersFailing: 6 }, policy)).toBe(false);
    expect(isOursTheFault({ minersSeen: 19, minersFailing: 19 }, policy)).toBe(false);
  });

  it("counts each miner once, by how it went the last time, for as long as the window", () => {
    const watch = createWeatherWatch(1_000);
    watch.saw("a", true, 0);
    watch.saw("b", true, 500);
    watch.saw("b", false, 600);
    expect(watch.at(999)).toEqual({ minersSeen: 2, minersFailing: 1 });
    expect(watch.at(1_000)).toEqual({ minersSeen: 1, minersFailing: 0 });
    watch.saw("b", true, 1_100);
    expect(watch.at(1_200)).toEqual({ minersSeen: 1, minersFailing: 1 });
    expect(watch.at(2_100)).toEqual({ minersSeen: 0, minersFailing: 0 });
  });

  it("calls the pool crowded when half of it rests", () => {
    expect(isPoolCrowded({ total: 16, resting: 8 }, policy)).toBe(true);
    expect(isPoolCrowded({ total: 16, resting: 7 }, policy)).toBe(false);
    expect(isPoolCrowded({ total: 0, resting: 0 }, policy)).toBe(false);
  });
});
