import {
  createRoster,
  createWeatherWatch,
  decideHedge,
  defaultPolicy,
  earnHedge,
  isMinersFault,
  isOursTheFault,
  isPoolCrowded,
  judge,
  type MinerPolicy,
  newHedgeBudget,
  noExperience,
  phaseOf,
  refundHedge,
  spreadConstraints,
} from "@granary/domain/miner";
import type { AccountId } from "@granary/primitives";
import type { PlacementPolicy, PolicyWorld, Request } from "./policy.js";

export const accountOf = (miner: number): AccountId => String(miner) as AccountId;
export const minerOf = (account: AccountId): number => Number(account);

const CROWD_COUNTED_MS = 1_000;

/** What the services run: the domain's roster, judgement, hedges. Nothing is decided here. */
export function granaryPolicy({ random, load }: PolicyWorld, policy: MinerPolicy = defaultPolicy): PlacementPolicy {
  const roster = createRoster();
  const weather = createWeatherWatch(policy.guardWindowMs);
  const resting = new Set<number>();
  let budget = newHedgeBudget(policy);
  let crowd = { countedAt: Number.NEGATIVE_INFINITY, resting: 0 };

  function isCrowded(now: number): boolean {
    if (now - crowd.countedAt >= CROWD_COUNTED_MS) {
      for (const miner of resting) {
        const state = roster.experienceOf(accountOf(miner));
        if (state === null || phaseOf(state.cooldown, now) !== "open") resting.delete(miner);
      }
      crowd = { countedAt: now, resting: resting.size };
    }
    return isPoolCrowded({ total: roster.size, resting: crowd.resting }, policy);
  }

  function ask(request: Request, columns: number, holders: readonly AccountId[], exclude: ReadonlySet<AccountId>) {
    return roster.choose({
      need: { columns, fragmentsPerColumn: request.fragments },
      exclude,
      holders,
      constraints: spreadConstraints,
      wishes: {},
      now: request.now,
      random,
      policy,
    }).chosen;
  }

  return {
    parallel: 12,
    joined({ id, spec }) {
      roster.put({
        ...noExperience(0),
        account: accountOf(id),
        chainState: "positive",
        hasEndpoint: true,
        idleBytes: spec.idleBytes,
        groups: spec.groups,
        position: null,
        inflight: 0,
        unreported: 0,
      });
    },
    choose(request) {
      const holders = request.holders.map(accountOf);
      const grudges = [...request.grudges].map(accountOf);
      const first = ask(request, request.columns, holders, new Set([...holders, ...grudges]));
      const missing = request.columns - first.length;
      const taken = [...holders, ...first.map(({ account }) => account)];
      const second = missing > 0 && grudges.length > 0 ? ask(request, missing, taken, new Set(taken)) : [];
      return [...first, ...second].map(({ account, reason, relaxations }) => ({
        miner: minerOf(account),
        relaxations,
        expectedSeconds: reason.transferSeconds,
      }));
    },
    observe(miner, observation, now) {
      const account = accountOf(miner);
      const before = roster.experienceOf(account);
      if (before === null) return;
      const isFailure = observation.kind === "failed" && isMinersFault(observation.code);
      if (isFailure || observation.kind === "transferred") weather.saw(account, isFailure, now);
      const after = judge(
        before,
        observation,
        {
          now,
          random,
          isOursTheFault: isOursTheFault(weather.at(now), policy),
          isPoolCrowded: isFailure && isCrowded(now),
        },
        policy,
      );
      roster.setExperience(account, after);
      if (after.cooldown.until !== null) resting.add(miner);
    },
    loadChanged(miner) {
      roster.setLoad(accountOf(miner), { inflight: load.inflight(miner), unreported: load.unreported(miner) });
    },
    hedge(situation) {
      const made = decideHedge(situation, budget, policy);
      budget = made.budget;
      return made.decision;
    },
    hedgeEnded(sentShare) {
      budget = refundHedge(budget, sentShare, policy);
    },
    columnPlaced() {
      budget = earnHedge(budget, 1, policy);
    },
    reportingOf: (miner) => roster.experienceOf(accountOf(miner))?.reporting ?? null,
  };
}
