import { GiB } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { account, miner, NOW, twelveColumns } from "../../test/miners.js";
import { seededRandom } from "./chance.js";
import { noCooldown } from "./cooldown.js";
import { dimensions, groupsOfEndpoint, levelsOf, oneMachineConstraints } from "./diversity.js";
import { defaultPolicy } from "./policy.js";
import { scoreOf } from "./score.js";
import { type Candidate, type Selection, select } from "./select.js";

const miners = (count: number, more: (n: number) => Partial<Candidate> = () => ({})) =>
  Array.from({ length: count }, (_, n) => miner(n, more(n)));

const choose = (pool: readonly Candidate[], more: Partial<Selection> = {}) =>
  select({ miners: pool, ...twelveColumns(), ...more });

const anyCandidate = (n: number): fc.Arbitrary<Candidate> =>
  fc
    .record({
      chainState: fc.constantFrom("positive", "positive", "positive", "frozen"),
      idleBytes: fc.integer({ min: 0, max: 1000 * GiB }),
      hasEndpoint: fc.boolean(),
      until: fc.option(fc.integer({ min: NOW - 1000, max: NOW + 1000 })),
      quarantine: fc.constantFrom(null, null, null, "wrong bytes"),
      inflight: fc.integer({ min: 0, max: 10 }),
      unreported: fc.integer({ min: 0, max: 10 }),
      host: fc.integer({ min: 0, max: 8 }),
      country: fc.option(fc.constantFrom("a", "b", "c"), { nil: undefined }),
    })
    .map(({ until, host, country, ...rest }) =>
      miner(n, {
        ...rest,
        cooldown: { ...noCooldown, until },
        groups: { host: `host-${host}`, ...(country === undefined ? {} : { country }) },
      }),
    );
const anyPool = fc
  .integer({ min: 0, max: 40 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, n) => anyCandidate(n))));

describe("select", () => {
  it("never chooses a miner twice, nor one that is excluded, resting, quarantined, full or not positive", () => {
    fc.assert(
      fc.property(anyPool, fc.integer(), fc.subarray([0, 1, 2, 3, 4, 5]), (pool, seed, excluded) => {
        const exclude = new Set(excluded.map(account));
        const { chosen, refused, shortfall } = choose(pool, { random: seededRandom(seed), exclude });
        expect(new Set(chosen.map((one) => one.miner.account)).size).toBe(chosen.length);
        for (const { miner: one } of chosen) {
          expect(exclude.has(one.account)).toBe(false);
          expect(one.chainState).toBe("positive");
          expect(one.quarantine).toBeNull();
          expect(one.hasEndpoint).toBe(true);
          expect(one.cooldown.until ?? 0).toBeLessThanOrEqual(NOW);
          if (one.cooldown.until !== null) expect(one.inflight + one.unreported).toBe(0);
          expect(one.inflight).toBeLessThan(defaultPolicy.inflightMax);
          expect(one.idleBytes).toBeGreaterThan(8 * 1024 * 1024);
        }
        expect(chosen.length + shortfall).toBe(12);
        const refusedCount = Object.values(refused).reduce((sum, count) => sum + count, 0);
        expect(refusedCount + chosen.length).toBeLessThanOrEqual(pool.length);
      }),
    );
  });

  it("relaxes nothing unless it must, and then says what", () => {
    fc.assert(
      fc.property(anyPool, fc.integer(), (pool, seed) => {
        const { chosen } = choose(pool, { random: seededRandom(seed) });
        const perHost = new Map<string, number>();
        for (const { miner: one, relaxations } of chosen) {
          const host = one.groups.host as string;
          const count = (perHost.get(host) ?? 0) + 1;
          perHost.set(host, count);
          expect(relaxations.includes("host")).toBe(count > 1);
          expect(count).toBeLessThanOrEqual(2);
        }
      }),
    );
  });

  it("gives the same choice for the same chance", () => {
    const pool = miners(50);
    const names = () => choose(pool, { random: seededRandom(99) }).chosen.map((one) => one.miner.account);
    expect(names()).toEqual(names());
  });

  it("finds every miner that fits, however unlikely to be drawn", () => {
    const pool = miners(200, (n) => ({
      idleBytes: n < 12 ? GiB : 10_000 * GiB,
      groups: { country: n < 12 ? `c${n}` : "big" },
    }));
    const { chosen, shortfall } = choose(pool);
    expect(shortfall).toBe(0);
    expect(chosen.filter((one) => one.miner.groups.country === "big")).toHaveLength(6);
    expect(chosen.every((one) => one.relaxations.length === 0)).toBe(true);
  });

  it("lets twelve miners of one machine hold a file only where that is allowed, and records it", () => {
    const pool = miners(16, () => ({ groups: groupsOfEndpoint("http://127.0.0.1:9") }));
    expect(choose(pool).shortfall).toBe(10);
    const { chosen, shortfall } = choose(pool, { constraints: oneMachineConstraints });
    expect(shortfall).toBe(0);
    expect(chosen.slice(1).every((one) => one.relaxations.join() === "subnet,host")).toBe(true);
  });

  it("counts the groups of those who hold the file already", () => {
    const pool = miners(4, (n) => ({ groups: { host: n < 2 ? "taken" : `free-${n}` } }));
    const { chosen } = choose(pool, { need: { columns: 2, fragmentsPerColumn: 1 }, holders: [{ host: "taken" }] });
    expect(chosen.map((one) => one.miner.groups.host).sort()).toEqual(["free-2", "free-3"]);
  });

  it("says for each miner that it refused why, and when to come back", () => {
    const pool = [
      miner(0, { chainState: "frozen" }),
      miner(1, { cooldown: { ...noCooldown, until: NOW + 500 } }),
      miner(2, { cooldown: { ...noCooldown, until: NOW + 300 } }),
      miner(3, { quarantine: "wrong bytes" }),
      miner(4, { idleBytes: 1 }),
      miner(5, { inflight: 8 }),
      miner(6, { cooldown: { ...noCooldown, until: NOW - 1 }, unreported: 1 }),
      miner(7),
    ];
    const { refused, retryAt, shortfall } = choose(pool, { exclude: new Set([account(7)]) });
    expect(refused).toEqual({
      "chain-state": 1,
      "no-endpoint": 0,
      excluded: 1,
      unwanted: 0,
      quarantine: 1,
      cooldown: 2,
      "probe-under-way": 1,
      busy: 1,
      space: 1,
    });
    expect(retryAt).toBe(NOW + 300);
    expect(shortfall).toBe(12);
  });

  it("takes the wished miners first, without giving up dispersion for them", () => {
    const pool = miners(40, (n) => ({ groups: { host: n < 3 ? "same" : `host-${n}` } }));
    const { chosen } = choose(pool, { wishes: { prefer: [account(0), account(1), account(2), account(20)] } });
    const names = chosen.map((one) => one.miner.account);
    expect(names).toContain(account(20));
    expect(names.filter((name) => [account(0), account(1), account(2)].includes(name))).toHaveLength(1);
  });

  it("keeps to the wished area while it can, and records where it could not", () => {
    const inside = { longitude: 5, latitude: 5 };
    const pool = miners(20, (n) => ({ position: n < 8 ? inside : null }));
    const area = [
      { longitude: 0, latitude: 0 },
      { longitude: 10, latitude: 0 },
      { longitude: 10, latitude: 10 },
      { longitude: 0, latitude: 10 },
    ];
    const { chosen } = choose(pool, { wishes: { area } });
    expect(chosen.filter((one) => one.relaxations.length === 0)).toHaveLength(8);
    expect(chosen.filter((one) => one.relaxations.join() === "area")).toHaveLength(4);
  });

  it("prefers miners with few unreported columns", () => {
    const pool = miners(24, (n) => ({ unreported: n < 12 ? 20 : 0 }));
    const shares = Array.from(
      { length: 50 },
      (_, seed) =>
        choose(pool, { random: seededRandom(seed), need: { columns: 6, fragmentsPerColumn: 1 } }).chosen.filter(
          (one) => one.miner.unreported === 0,
        ).length,
    );
    expect(shares.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(0.8 * 50 * 6);
  });

  it("has a finite, positive cost for every miner", () => {
    fc.assert(
      fc.property(anyCandidate(1), fc.integer({ min: 1, max: 1000 }), fc.integer(), (one, fragments, seed) => {
        const score = scoreOf(one, fragments, { now: NOW, random: seededRandom(seed) }, defaultPolicy);
        expect(Number.isFinite(score.cost)).toBe(true);
        expect(score.cost).toBeGreaterThan(0);
        expect(score.drawnTrust).toBeGreaterThan(0);
        expect(score.drawnTrust).toBeLessThan(1);
      }),
    );
  });
});

describe("constraints", () => {
  it("only ever become looser, in their order", () => {
    const levels = levelsOf(oneMachineConstraints, true);
    expect(levels[0]?.hasArea).toBe(true);
    for (const [i, level] of levels.slice(1).entries()) {
      for (const dimension of dimensions) {
        expect(level.limits[dimension]).toBeGreaterThanOrEqual(levels[i]?.limits[dimension] as number);
      }
    }
    expect(levels.at(-1)?.limits).toEqual({ country: 12, asn: 12, operator: 12, subnet: 12, host: 12 });
  });

  it("read host and subnet from an endpoint", () => {
    expect(groupsOfEndpoint("203.0.113.7:15001")).toEqual({ host: "203.0.113.7", subnet: "203.0.113.0/24" });
    expect(groupsOfEndpoint("http://[2001:db8:1:2::7]:80")).toEqual({
      host: "[2001:db8:1:2::7]",
      subnet: "2001:db8:1::/48",
    });
    expect(groupsOfEndpoint("http://[2001::1]")).toMatchObject({ subnet: "2001:0:0::/48" });
    expect(groupsOfEndpoint("http://miner.example:15001\0\0")).toEqual({ host: "miner.example" });
    expect(groupsOfEndpoint("not an endpoint")).toEqual({});
  });
});
