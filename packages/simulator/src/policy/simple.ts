import { decideHedge, defaultPolicy, newHedgeBudget } from "@granary/domain/miner";
import { FRAGMENT_BYTES } from "@granary/primitives";
import { createJoined, pickEach } from "./joined.js";
import { type PlacementPolicy, type PolicyWorld, plain, type Request } from "./policy.js";

/** What a policy without a memory leaves out. */
const forgetful: Omit<PlacementPolicy, "joined" | "choose"> = {
  parallel: 12,
  observe: () => undefined,
  loadChanged: () => undefined,
  hedge: null,
  hedgeEnded: () => undefined,
  columnPlaced: () => undefined,
  reportingOf: () => null,
};

/** Any miner, with equal chances. */
export function randomPolicy({ random }: PolicyWorld): PlacementPolicy {
  const joined = createJoined(random);
  return {
    ...forgetful,
    joined: ({ id }) => joined.add(id),
    choose: (request) => pickEach(request, (taken) => joined.draw(request, taken)).map(plain),
  };
}

/** The less busy of two. */
export function p2cPolicy({ random, load }: PolicyWorld): PlacementPolicy {
  const joined = createJoined(random);
  const pickOne = (request: Request, taken: ReadonlySet<number>) => {
    const one = joined.draw(request, taken);
    const other = joined.draw(request, taken);
    if (one === null || other === null) return one ?? other;
    return load.inflight(other) < load.inflight(one) ? other : one;
  };
  return {
    ...forgetful,
    joined: ({ id }) => joined.add(id),
    choose: (request) => pickEach(request, (taken) => pickOne(request, taken)).map(plain),
  };
}

const LISTS_CLEARED_MS = 600_000;
/** One takes ten files in two minutes: what a thousand miners can bear is the load of many of them. */
const DEOSS_GATEWAYS = 100;

interface Lists {
  readonly white: number[];
  readonly listed: Map<number, "white" | "black">;
}

/**
 * As DeOSS: miners that took something before come first, in random order, one after another; miners that failed are
 * on a list of their own; both lists are cleared every ten minutes. Each of its gateways has lists of its own; what one
 * of them hears of a miner is told to the one whose file it was.
 */
export function deossPolicy({ random }: PolicyWorld): PlacementPolicy {
  const joined = createJoined(random);
  const newLists = () => Array.from({ length: DEOSS_GATEWAYS }, (): Lists => ({ white: [], listed: new Map() }));
  let gateways = newLists();
  let clearedAt = 0;
  const pickOne = ({ white, listed }: Lists, request: Request, taken: ReadonlySet<number>) => {
    const usable = (miner: number) => !taken.has(miner) && !request.grudges.has(miner) && listed.get(miner) === "white";
    for (let i = 0; i < 60 && white.length > 0; i += 1) {
      const miner = white[Math.floor(random() * white.length)] as number;
      if (usable(miner)) return miner;
    }
    return joined.draw(request, taken, (miner) => listed.get(miner) !== "black");
  };
  return {
    ...forgetful,
    parallel: 1,
    joined: ({ id }) => joined.add(id),
    choose(request) {
      if (request.now - clearedAt >= LISTS_CLEARED_MS) {
        gateways = newLists();
        clearedAt = request.now;
      }
      const lists = gateways[request.file % DEOSS_GATEWAYS] as Lists;
      return pickEach({ ...request, columns: 1 }, (taken) => pickOne(lists, request, taken)).map(plain);
    },
    observe(miner, observation, _now, file) {
      const { white, listed } = gateways[file % DEOSS_GATEWAYS] as Lists;
      if (observation.kind === "transferred" && listed.get(miner) === undefined) {
        listed.set(miner, "white");
        white.push(miner);
      }
      if (observation.kind === "failed") listed.set(miner, "black");
    },
  };
}

const ORACLE_CANDIDATES = 64;
const FAILURE_SECONDS = 30;
const SECONDS_PER_REPORT = 7;

/**
 * Knows what no gateway can: who lies, who is away, how often each fails, how fast each is at this moment, and how long
 * its report queue is. The best of many candidates; hedges are ours, with no limit on them.
 */
export function oraclePolicy({ random, miners, load }: PolicyWorld): PlacementPolicy {
  const joined = createJoined(random);
  const costOf = (id: number, fragments: number): number => {
    const miner = miners[id];
    if (miner === undefined || !miner.isOnline || miner.isLying || miner.spec.isLiar) return Number.POSITIVE_INFINITY;
    const fails = miner.spec.failShare;
    const rate = miner.spec.bytesPerSecond * miner.speedFactor;
    const seconds = (fragments * FRAGMENT_BYTES * (load.inflight(id) + 1)) / rate;
    return (
      (seconds + SECONDS_PER_REPORT * (miner.unreported + load.inflight(id)) + fails * FAILURE_SECONDS) / (1 - fails)
    );
  };
  const pickOne = (request: Request, taken: ReadonlySet<number>) => {
    let best: number | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < ORACLE_CANDIDATES; i += 1) {
      const miner = joined.draw(request, taken);
      if (miner === null) continue;
      const cost = costOf(miner, request.fragments);
      if (best === null || cost < least) [best, least] = [miner, cost];
    }
    return best;
  };
  return {
    ...forgetful,
    hedge: (situation) => decideHedge(situation, newHedgeBudget(defaultPolicy), defaultPolicy).decision,
    joined: ({ id }) => joined.add(id),
    choose: (request) => pickEach(request, (taken) => pickOne(request, taken)).map(plain),
  };
}
