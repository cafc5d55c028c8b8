import { openDeal } from "@granary/domain/deal";
import {
  createRoster,
  defaultPolicy,
  noExperience,
  oneMachineConstraints,
  type Strategy,
  seededRandom,
  spreadConstraints,
} from "@granary/domain/miner";
import { type AccountId, GiB } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import type { DealRecord, MinerRecord, MinerView } from "../ports.js";
import { chooseMiners } from "./choose-miners.js";

const NOW = 1_700_000_000_000;
const account = (n: number) => `miner-${n}` as AccountId;

const minerAt = (n: number, more: Partial<MinerRecord> = {}): MinerRecord => ({
  ...noExperience(NOW),
  account: account(n),
  chainState: "positive",
  endpoint: `http://10.0.${n}.1:1500`,
  idleBytes: 100 * GiB,
  hasEndpoint: true,
  groups: { subnet: `10.0.${n}.0/24`, operator: `operator-${n}` },
  position: { longitude: n, latitude: 0 },
  inflight: 0,
  unreported: 0,
  lastFailure: null,
  lastSuccessAt: null,
  ...more,
});

function viewOf(miners: readonly MinerRecord[]): MinerView {
  const roster = createRoster();
  for (const miner of miners) roster.put(miner);
  return { choose: roster.choose, endpointOf: () => "http://10.0.0.1:1500", places: () => miners };
}

function choose(miners: readonly MinerRecord[], gateway: Strategy, placement: DealRecord["placement"], seed = 1) {
  const deal = openDeal(NOW);
  const record = { segmentCount: 1, placement, deal } as DealRecord;
  const rules = { constraints: spreadConstraints, policy: defaultPolicy, strategy: gateway };
  const random = seededRandom(seed);
  return chooseMiners(rules, { record, due: deal.columns, attempts: [], miners: viewOf(miners), now: NOW, random });
}

const chosenOf = (chosen: ReturnType<typeof choose>) => chosen.chosen.map(({ miner }) => miner);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const miners = range(0, 40).map((n) => minerAt(n));
const around = (from: number, to: number): [number, number][] => [
  [from - 0.5, -1],
  [to + 0.5, -1],
  [to + 0.5, 1],
  [from - 0.5, 1],
];

describe("the choice of twelve miners", () => {
  it("never has a miner twice nor one that is forbidden, whatever is wished", () => {
    const random = seededRandom(42);
    const some = (count: number) => range(0, count).map(() => account(Math.floor(random() * 40)));
    for (let seed = 1; seed <= 150; seed += 1) {
      const gateway: Strategy = {
        prefer: some(5),
        first: random() < 0.5 ? 1 + Math.floor(random() * 12) : undefined,
        avoid: some(4),
        only: random() < 0.3 ? some(60) : undefined,
      };
      const upload = { prefer: some(8), avoid: some(3), ...(random() < 0.3 ? { only: some(60) } : {}) };
      const choice = choose(miners, gateway, upload, seed);
      const chosen = chosenOf(choice);
      expect(new Set(chosen).size).toBe(chosen.length);
      expect(chosen.length + choice.left.length).toBe(12);
      for (const one of chosen) {
        expect([...(gateway.avoid ?? []), ...upload.avoid]).not.toContain(one);
        if (gateway.only !== undefined) expect(gateway.only).toContain(one);
        if (upload.only !== undefined) expect(upload.only).toContain(one);
      }
    }
  });

  it("goes by the preference for as many columns as were asked for, and no further", () => {
    const prefer = range(0, 12).map(account);
    const preferredOf = (first: number | undefined) =>
      choose(miners, {}, { prefer, ...(first === undefined ? {} : { first }) }).chosen.filter(
        ({ reason }) => reason.isPreferred,
      ).length;
    expect(preferredOf(undefined)).toBe(12);
    expect(preferredOf(3)).toBe(3);
  });

  it("does not put preferred miners of one operator on one file, as long as there are others", () => {
    const clumped = miners.map((miner, n) => (n < 12 ? { ...miner, groups: { operator: "same" } } : miner));
    const choice = choose(clumped, { prefer: range(0, 12).map(account) }, null);
    const same = choice.chosen.filter(({ miner }) => range(0, 12).map(account).includes(miner));
    expect(choice.chosen).toHaveLength(12);
    expect(same).toHaveLength(1);
    expect(choice.chosen.flatMap(({ relaxations }) => relaxations)).toEqual([]);
  });

  it("counts a rival in the place of the miner that it runs against", () => {
    const clumped = miners.map((miner) => ({ ...miner, groups: { host: "one machine" } }));
    const [late] = clumped as [MinerRecord];
    const sending = openDeal(NOW).columns.map((column, i) => {
      return { ...column, state: "sending" as const, miner: account(i), leaseUntil: NOW + 1_000 };
    });
    const record = { segmentCount: 1, placement: null, deal: { state: "placing", declaredBlock: 1, columns: sending } };
    const rules = { constraints: oneMachineConstraints, policy: defaultPolicy, strategy: {} };
    const situation = { record: record as unknown as DealRecord, due: sending.slice(0, 1), attempts: [], now: NOW };
    const more = { miners: viewOf(clumped), random: seededRandom(1) };
    expect(chooseMiners(rules, { ...situation, ...more }).chosen).toEqual([]);
    const [rival] = chooseMiners(rules, { ...situation, ...more, rivalOf: late.account }).chosen;
    expect(Number(rival?.miner.slice(6))).toBeGreaterThanOrEqual(12);
  });

  it("leaves an area only where it may, and says so", () => {
    const soft = choose(miners, {}, { area: around(0, 7) });
    expect(soft.chosen).toHaveLength(12);
    const outside = soft.chosen.filter(({ relaxations }) => relaxations.includes("area"));
    expect(outside.map(({ miner }) => Number(miner.slice(6))).every((n) => n > 7)).toBe(true);
    expect(outside).toHaveLength(4);
    const strict = choose(miners, {}, { area: around(0, 7), isAreaStrict: true });
    expect(new Set(chosenOf(strict))).toEqual(new Set(range(0, 8).map(account)));
    expect(strict.left).toHaveLength(4);
  });

  it("keeps within the gateway's fence and the uploader's area at once", () => {
    const fence = { area: around(0, 30).map(([longitude, latitude]) => ({ longitude, latitude })), isAreaStrict: true };
    const choice = choose([...miners, minerAt(50, { position: null })], fence, { area: around(20, 39) });
    const numbers = chosenOf(choice).map((one) => Number(one.slice(6)));
    expect(numbers.filter((n) => n >= 20 && n <= 30)).toHaveLength(11);
    expect(Math.max(...numbers)).toBeLessThanOrEqual(30);
    expect(choice.left).toEqual([]);
  });
});
