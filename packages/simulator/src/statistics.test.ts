import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { gini, quantile } from "./statistics.js";
import { createTimeline } from "./timeline.js";
import { createTrace } from "./trace.js";

describe("the measures", () => {
  it("know equality from concentration", () => {
    expect(gini([5, 5, 5, 5])).toBeCloseTo(0, 12);
    expect(gini([0, 0, 0, 8])).toBeCloseTo(0.75, 12);
    expect(gini([1, 3])).toBeCloseTo(0.25, 12);
  });

  it("read quantiles off sorted values", () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i);
    expect([0.5, 0.95, 0.99, 1].map((share) => quantile(hundred, share))).toEqual([50, 95, 99, 99]);
    expect(quantile([], 0.5)).toBeNull();
  });

  it("tell traces apart by any fact, and by their order", () => {
    const hashOf = (...notes: number[][]) => {
      const trace = createTrace();
      for (const facts of notes) trace.note(...facts);
      return trace.hash;
    };
    expect(hashOf([1, 2], [3])).toBe(hashOf([1, 2], [3]));
    expect(hashOf([1, 2])).not.toBe(hashOf([2, 1]));
    expect(hashOf([1])).not.toBe(hashOf([1 + 2 ** 33]));
  });
});

describe("a timeline", () => {
  it("brings everything in the order of time, and of saying where times are equal", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 100 }), (times) => {
        const timeline = createTimeline();
        const happened: { time: number; order: number }[] = [];
        for (const [order, time] of times.entries()) {
          timeline.at(time, () => happened.push({ time: timeline.now, order }));
        }
        timeline.runUntil(20);
        const expected = times
          .map((time, order) => ({ time, order }))
          .sort((a, b) => a.time - b.time || a.order - b.order);
        expect(happened).toEqual(expected);
      }),
    );
  });

  it("stops where it is told, and goes on from there", () => {
    const timeline = createTimeline();
    const happened: number[] = [];
    for (const time of [5, 15]) timeline.at(time, () => happened.push(time));
    timeline.runUntil(10);
    expect(happened).toEqual([5]);
    expect(timeline.now).toBe(10);
    timeline.runUntil(20);
    expect(happened).toEqual([5, 15]);
  });
});
