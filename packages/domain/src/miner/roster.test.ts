import { MiB } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { account, miner, NOW, twelveColumns } from "../../test/miners.js";
import { seededRandom } from "./chance.js";
import { phaseOf } from "./cooldown.js";
import { type Groups, oneMachineConstraints, spreadConstraints } from "./diversity.js";
import { explain } from "./explain.js";
import { judge, noExperience } from "./judge.js";
import type { Observation } from "./penalty.js";
import { defaultPolicy } from "./policy.js";
import { refusalOf } from "./refusal.js";
import { createRoster, type Roster, type RosterOrder } from "./roster.js";
import { type Candidate, select } from "./select.js";

const order = (more: Partial<RosterOrder> = {}): RosterOrder => ({ ...twelveColumns(), ...more });
const rosterOf = (miners: readonly Candidate[]): Roster => {
  const roster = createRoster();
  for (const one of miners) roster.put(one);
  return roster;
};
const namesOf = (roster: Roster, more: Partial<RosterOrder> = {}) =>
  roster.choose(order(more)).chosen.map((one) => one.account);

const anyGroups: fc.Arbitrary<Groups> = fc
  .record({ host: fc.integer({ min: 0, max: 20 }), asn: fc.integer({ min: 0, max: 4 }) })
  .map(({ host, asn }) => ({ host: `h${host}`, asn: `a${asn}` }));
const anyMiner = (n: number): fc.Arbitrary<Candidate> =>
  fc
    .record({
      idleMiB: fc.integer({ min: 0, max: 1_000_000 }),
      unreported: fc.integer({ min: 0, max: 10 }),
      inflight: fc.integer({ min: 0, max: 9 }),
      kept: fc.double({ min: 0, max: 50, noNaN: true }),
      speed: fc.option(fc.integer({ min: 1, max: 30 })),
      groups: anyGroups,
      chainState: fc.constantFrom("positive", "positive", "frozen"),
      hasEndpoint: fc.boolean(),
      quarantine: fc.constantFrom(null, null, "wrong bytes"),
      until: fc.option(fc.integer({ min: NOW - 9, max: NOW + 9 })),
    })
    .map(({ idleMiB, kept, speed, until, ...rest }) =>
      miner(n, {
        ...rest,
        idleBytes: idleMiB * MiB,
        evidence: { kept, broken: 1, at: NOW },
        speed: speed === null ? null : { secondsPerFragment: speed, at: NOW },
        cooldown: { failuresInRow: 0, exponent: 1, until },
      }),
    );
const anyPool = fc
  .integer({ min: 0, max: 40 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, n) => anyMiner(n))));

describe("a roster", () => {
  it("chooses as the list does, given the same chance", () => {
    fc.assert(
      fc.property(anyPool, fc.integer(), fc.boolean(), (pool, seed, isLoose) => {
        const usable = pool.filter(
          (one) => refusalOf(one, { ...order(), exclude: new Set() }, false, defaultPolicy) === null,
        );
        const constraints = isLoose ? oneMachineConstraints : spreadConstraints;
        const fromList = select({
          ...order({ constraints, random: seededRandom(seed) }),
          miners: usable,
          holders: [],
        });
        const fromRoster = rosterOf(usable).choose(order({ constraints, random: seededRandom(seed) }));
        expect(fromRoster.chosen).toEqual(
          fromList.chosen.map(({ miner: one, ...rest }) => ({ account: one.account, ...rest })),
        );
        expect(fromRoster.shortfall).toBe(fromList.shortfall);
      }),
    );
  });

  it("refuses whom the list refuses, and says so with the same counts and the same time to come back", () => {
    fc.assert(
      fc.property(anyPool, fc.integer(), fc.subarray([0, 1, 2]), fc.subarray([3, 4, 5]), (pool, seed, out, avoid) => {
        const exclude = new Set(out.map(account));
        const wishes = { avoid: avoid.map(account) };
        const asked = { need: { columns: 50, fragmentsPerColumn: 3 }, exclude, wishes };
        const fromList = select({ ...order({ ...asked, random: seededRandom(seed) }), miners: pool, holders: [] });
        const { chosen, refused, retryAt } = rosterOf(pool).choose(order({ ...asked, random: seededRandom(seed) }));
        expect(refused).toEqual(fromList.refused);
        expect(retryAt).toBe(fromList.retryAt);
        const allowed = pool.filter(({ account: name, ...one }) => {
          const isUnwanted = wishes.avoid.includes(name);
          return refusalOf({ account: name, ...one }, order(asked), isUnwanted, defaultPolicy) === null;
        });
        for (const { account: name } of chosen) expect(allowed.map((one) => one.account)).toContain(name);
      }),
    );
  });

  it("gives back what was put in, and is as before after every choice", () => {
    fc.assert(
      fc.property(anyPool, fc.integer(), (pool, seed) => {
        const roster = rosterOf(pool);
        const once = namesOf(roster, { random: seededRandom(seed) });
        expect(namesOf(roster, { random: seededRandom(seed) })).toEqual(once);
        for (const one of pool) {
          const { evidence, speed, cooldown, quarantine, reporting, inflight, unreported } = one;
          const expected = { evidence, speed, cooldown, quarantine, reporting, inflight, unreported };
          expect(roster.experienceOf(one.account)).toEqual(expected);
        }
      }),
    );
  });

  it("follows every change: space, load, experience, removal and return", () => {
    const roster = rosterOf(Array.from({ length: 12 }, (_, n) => miner(n)));
    expect(namesOf(roster)).toHaveLength(12);
    roster.setIdleBytes(account(0), 0);
    roster.setLoad(account(1), { inflight: defaultPolicy.inflightMax, unreported: 0 });
    roster.setExperience(account(2), { ...noExperience(NOW), quarantine: "wrong bytes" });
    roster.remove(account(3));
    const names = namesOf(roster);
    expect(names).toHaveLength(8);
    for (const n of [0, 1, 2, 3]) expect(names).not.toContain(account(n));
    expect(roster.choose(order()).refused).toMatchObject({ space: 1, busy: 1, quarantine: 1 });
    roster.setExperience(account(2), noExperience(NOW));
    roster.put(miner(77));
    expect(roster.size).toBe(12);
    expect(namesOf(roster)).toEqual(expect.arrayContaining([account(2), account(77)]));
  });

  it("draws only those that are wished for, and finds the few in an area among very many", () => {
    const area = [
      { longitude: 0, latitude: 0 },
      { longitude: 10, latitude: 0 },
      { longitude: 10, latitude: 10 },
      { longitude: 0, latitude: 10 },
    ];
    const inside = { longitude: 5, latitude: 5 };
    const roster = rosterOf(
      Array.from({ length: 3_000 }, (_, n) => miner(n, { position: n >= 2_990 ? inside : null })),
    );
    const { chosen } = roster.choose(order({ wishes: { area } }));
    expect(chosen.filter((one) => one.relaxations.length === 0)).toHaveLength(10);
    expect(chosen.filter((one) => one.relaxations.join() === "area")).toHaveLength(2);
    const only = [account(5), account(2_000), account(9_999)];
    expect(namesOf(roster, { wishes: { only } }).sort()).toEqual([account(2_000), account(5)]);
    expect(
      namesOf(roster, { wishes: { prefer: only } })
        .slice(0, 2)
        .sort(),
    ).toEqual([account(2_000), account(5)]);
  });
});

describe("cooldown", () => {
  it("is obeyed under any interleaving of choices, judgements, loads and time", () => {
    const observation = fc.constantFrom<Observation>(
      { kind: "failed", code: "MINER_REFUSED" },
      { kind: "failed", code: "MINER_TIMEOUT" },
      { kind: "report-missed" },
      { kind: "reported" },
      { kind: "transferred", secondsPerFragment: 1 },
      { kind: "probe-failed", code: "MINER_TIMEOUT" },
    );
    const step = fc.record({
      n: fc.integer({ min: 0, max: 14 }),
      observation: fc.option(observation),
      unreported: fc.integer({ min: 0, max: 2 }),
      pauseMs: fc.integer({ min: 0, max: 90_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer(), (steps, seed) => {
        const random = seededRandom(seed);
        const roster = rosterOf(Array.from({ length: 15 }, (_, n) => miner(n)));
        let now = NOW;
        for (const one of steps) {
          now += one.pauseMs;
          const name = account(one.n);
          roster.setLoad(name, { inflight: 0, unreported: one.unreported });
          if (one.observation !== null) {
            const before = roster.experienceOf(name);
            const circumstances = { now, random, isOursTheFault: false, isPoolCrowded: false };
            if (before !== null) {
              roster.setExperience(name, judge(before, one.observation, circumstances, defaultPolicy));
            }
          }
          const { chosen, shortfall } = roster.choose(order({ now, random }));
          expect(new Set(chosen.map(({ account: chosenOne }) => chosenOne)).size).toBe(chosen.length);
          expect(chosen.length + shortfall).toBe(12);
          for (const { account: chosenOne } of chosen) {
            const state = roster.experienceOf(chosenOne);
            if (state === null) throw new Error("chosen, and not in the roster");
            const phase = phaseOf(state.cooldown, now);
            expect(phase).not.toBe("open");
            if (phase === "half-open") expect(state.inflight + state.unreported).toBe(0);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("an explanation", () => {
  it("names an obstruction exactly where the choice refuses, the deciding one first", () => {
    fc.assert(
      fc.property(anyMiner(1), fc.boolean(), fc.boolean(), (one, isHolder, isUnwanted) => {
        const filter = { ...order(), exclude: new Set(isHolder ? [one.account] : []) };
        const { obstructions } = explain(one, filter, isUnwanted, defaultPolicy);
        expect(obstructions[0]?.refusal ?? null).toBe(refusalOf(one, filter, isUnwanted, defaultPolicy));
      }),
    );
  });

  it("adds up: the cost is its seconds, and the trust its evidence with the prior", () => {
    const { evidence } = { evidence: { kept: 6, broken: 1, at: NOW } };
    const told = explain(miner(1, { evidence, unreported: 3, inflight: 1 }), order(), false, defaultPolicy);
    expect(told.trust.mean).toBe(10 / 12);
    expect(told.seconds).toMatchObject({ transfer: 4, queue: 21, isMeasured: false });
    expect(told.seconds.transfer + told.seconds.queue + told.seconds.failures).toBeCloseTo(told.cost, 9);
    const resting = { failuresInRow: 0, exponent: 2, until: NOW + 500 };
    expect(explain(miner(1, { cooldown: resting }), order(), false, defaultPolicy)).toMatchObject({
      phase: "open",
      obstructions: [{ refusal: "cooldown", has: NOW, limit: NOW + 500, until: NOW + 500 }],
      cooldown: { nextAtMostMs: 4 * defaultPolicy.cooldownBaseMs },
    });
  });
});
