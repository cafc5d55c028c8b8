import type { Observation } from "@granary/domain/miner";
import { createJoined, pickEach } from "./joined.js";
import { type PlacementPolicy, type PolicyWorld, plain, type Request } from "./policy.js";

const GENERATIONS = 8;
const GENERATION_MS = 600_000;
const HEDGE_AFTER_SECONDS = 10;

const isSuccess = ({ kind }: Observation): boolean => kind === "transferred";
const isFailure = ({ kind }: Observation): boolean =>
  kind === "failed" || kind === "report-missed" || kind === "outrun";

/** Shares of success over the last eighty minutes, in generations of ten. */
function createSuccessTracker(miners: number) {
  const successes = new Float64Array(miners * GENERATIONS);
  const totals = new Float64Array(miners * GENERATIONS);
  let generation = 0;
  let turnedAt = 0;
  function turn(now: number): void {
    while (now - turnedAt >= GENERATION_MS) {
      turnedAt += GENERATION_MS;
      generation = (generation + 1) % GENERATIONS;
      for (let miner = 0; miner < miners; miner += 1) {
        successes[miner * GENERATIONS + generation] = 0;
        totals[miner * GENERATIONS + generation] = 0;
      }
    }
  }
  return {
    add(miner: number, isGood: boolean, now: number): void {
      turn(now);
      const place = miner * GENERATIONS + generation;
      successes[place] = (successes[place] as number) + Number(isGood);
      totals[place] = (totals[place] as number) + 1;
    },
    /** NaN for whom nothing is known of. */
    shareOf(miner: number): number {
      let good = 0;
      let all = 0;
      for (let place = miner * GENERATIONS; place < (miner + 1) * GENERATIONS; place += 1) {
        good += successes[place] as number;
        all += totals[place] as number;
      }
      return good / all;
    },
  };
}

/**
 * As Storj's satellite: the better of two by their shares of success, the unknown first, one per subnet. Its
 * over-encoding, 110 pieces for 80, is not to be had where a file has exactly twelve columns; in its place every column
 * that is not done after ten seconds is sent to a second miner, with no limit. A missed report counts as a failure, and
 * so does losing against the second miner, as a piece that is cut off does.
 */
export function storjPolicy({ random, miners }: PolicyWorld): PlacementPolicy {
  const joined = createJoined(random);
  const tracker = createSuccessTracker(miners.length);
  const subnetOf = (miner: number) => miners[miner]?.spec.groups.subnet;
  const pickOne = (request: Request, taken: ReadonlySet<number>) => {
    const subnets = new Set([...taken].map(subnetOf));
    const isApart = (miner: number) => !subnets.has(subnetOf(miner));
    const one = joined.draw(request, taken, isApart);
    const other = joined.draw(request, taken, isApart);
    if (one === null || other === null) return one ?? other;
    const share = tracker.shareOf(one);
    if (Number.isNaN(share)) return one;
    const otherShare = tracker.shareOf(other);
    return Number.isNaN(otherShare) || otherShare > share ? other : one;
  };
  return {
    parallel: 12,
    joined: ({ id }) => joined.add(id),
    choose: (request) => pickEach(request, (taken) => pickOne(request, taken)).map(plain),
    observe(miner, observation, now) {
      if (isSuccess(observation)) tracker.add(miner, true, now);
      else if (isFailure(observation)) tracker.add(miner, false, now);
    },
    loadChanged: () => undefined,
    hedge({ now, startedAt, hasRival }) {
      if (hasRival) return { hedge: false, why: "has-rival" };
      const at = startedAt + HEDGE_AFTER_SECONDS * 1000;
      return now < at ? { hedge: false, why: "too-soon", at } : { hedge: true, afterSeconds: HEDGE_AFTER_SECONDS };
    },
    hedgeEnded: () => undefined,
    columnPlaced: () => undefined,
    reportingOf: () => null,
  };
}

const SIA_CANDIDATES = 5;
const ESTIMATE_HALF_LIFE_MS = 600_000;
const FIRST_ESTIMATE_SECONDS = 2;
const FAILURE_FACTOR = 10;

/**
 * As Sia's renter: hosts are drawn by their score of interactions, ((30 + s) / (31 + s + f))^10; of five the one with
 * the least (queue + 1) × estimated slow transfer. A failure multiplies the estimate by ten; it halves towards what is
 * measured in ten minutes.
 */
export function siaPolicy({ random, miners, load }: PolicyWorld): PlacementPolicy {
  const joined = createJoined(random);
  const kept = new Float64Array(miners.length);
  const broken = new Float64Array(miners.length);
  const seconds = new Float64Array(miners.length).fill(FIRST_ESTIMATE_SECONDS);
  const measuredAt = new Float64Array(miners.length);
  const scoreOf = (miner: number): number => {
    const good = kept[miner] as number;
    return ((30 + good) / (31 + good + (broken[miner] as number))) ** 10;
  };
  const pickOne = (request: Request, taken: ReadonlySet<number>) => {
    let best: number | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < SIA_CANDIDATES; i += 1) {
      const miner = joined.draw(request, taken, (one) => random() < scoreOf(one));
      if (miner === null) continue;
      const cost = (load.inflight(miner) + 1) * (seconds[miner] as number);
      if (best === null || cost < least) [best, least] = [miner, cost];
    }
    return best;
  };
  function measure(miner: number, measured: number, now: number): void {
    const before = seconds[miner] as number;
    const stays = 2 ** (-(now - (measuredAt[miner] as number)) / ESTIMATE_HALF_LIFE_MS);
    seconds[miner] = measured > before ? measured : before * stays + measured * (1 - stays);
    measuredAt[miner] = now;
  }
  return {
    parallel: 12,
    joined: ({ id }) => joined.add(id),
    choose: (request) => pickEach(request, (taken) => pickOne(request, taken)).map(plain),
    observe(miner, observation, now) {
      if (observation.kind === "transferred") {
        kept[miner] = (kept[miner] as number) + 1;
        measure(miner, observation.secondsPerFragment, now);
      } else if (isFailure(observation)) {
        broken[miner] = (broken[miner] as number) + 1;
        measure(miner, Math.min(600, (seconds[miner] as number) * FAILURE_FACTOR), now);
      }
    },
    loadChanged: () => undefined,
    hedge: null,
    hedgeEnded: () => undefined,
    columnPlaced: () => undefined,
    reportingOf: () => null,
  };
}
