import {
  type AttemptOutcome,
  advance,
  type Deal,
  type DealEvent,
  type Effect,
  holdersOf,
  openDeal,
  standingOf,
} from "@granary/domain/deal";
import {
  type Brake,
  decideResend,
  defaultPolicy,
  type Evidence,
  earnBrake,
  newBrake,
  noEvidence,
  type Observation,
  type Random,
  reportPatienceMs,
  weigh,
} from "@granary/domain/miner";
import { FRAGMENT_BYTES } from "@granary/primitives";
import type { Measures } from "./measures.js";
import type { ChainFile, SimulatedMiner, Transfer } from "./miner.js";
import { accountOf, minerOf } from "./policy/granary.js";
import type { Assignment, PlacementPolicy } from "./policy/policy.js";
import type { Timeline } from "./timeline.js";

export interface GatewayRules {
  readonly fragments: number;
  readonly timeoutMs: number;
  readonly patience: { readonly baseMs: number; readonly perColumnMs: number; readonly maxMs: number };
}

export interface GatewayWorld {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly miners: readonly SimulatedMiner[];
  readonly measures: Measures;
  readonly rules: GatewayRules;
}

/** Our columns at each miner, by what became of them. */
export interface Loads {
  readonly inflight: Uint16Array;
  readonly unreported: Uint16Array;
  /** Those of other gateways too, where they are read. */
  unreportedBy(miner: number): number;
  changed(miner: number): void;
}

/** One column with one miner. */
interface Attempt {
  readonly startedAt: number;
  readonly expectedSeconds: number | null;
  transfer: Transfer | null;
  /** Another miner is, or was, sent the same column. */
  isHedged: boolean;
  state: "sending" | "placed" | "ended";
  placedAt: number | null;
  patienceMs: number;
  missedAt: number | null;
}

interface File {
  readonly id: number;
  readonly openedAt: number;
  readonly chain: ChainFile;
  /** By miner; the last one, where it had several columns in turn. */
  readonly attempts: Map<number, Attempt>;
  readonly grudges: Set<number>;
  readonly arrivedSeconds: number[];
  deal: Deal;
  isPlaced: boolean;
  isHedgeDue: boolean;
  isRoundDue: boolean;
}

const LEASE_MS = 1e12;
const RETRY_MS = 1_000;
const SHORTFALL_PAUSE_MS = 5_000;
const FAST_FAILURE_SHARE = 0.5;

/**
 * A gateway, as the services run it, on simulated time: deals move by the domain's `advance`, deadlines and the brake
 * are the domain's for every policy, and the policy only says which miners.
 */
export interface Gateway {
  joined(miner: SimulatedMiner): void;
  open(fileId: number, isMeasured: boolean): void;
}

export function createGateway(world: GatewayWorld, policy: PlacementPolicy, loads: Loads): Gateway {
  const { timeline, measures, miners, random, rules } = world;
  let brake: Brake = newBrake(0, defaultPolicy);
  /** Kept apart from what the policy thinks, so that the brake is the same for every policy. */
  const evidence: (Evidence | undefined)[] = new Array(miners.length);

  function changeLoad(miner: number, inflight: number, unreported: number): void {
    loads.inflight[miner] = (loads.inflight[miner] as number) + inflight;
    loads.unreported[miner] = (loads.unreported[miner] as number) + unreported;
    loads.changed(miner);
  }

  function observe(file: File, miner: number, observation: Observation): void {
    const { now } = timeline;
    if (observation.kind === "reported" || observation.kind === "report-late") {
      evidence[miner] = weigh(evidence[miner] ?? noEvidence(now), { kept: 1, broken: 0 }, now, defaultPolicy);
    }
    policy.observe(miner, observation, now, file.id);
  }

  function apply(file: File, event: DealEvent): void {
    const { deal, effects } = advance(file.deal, event, timeline.now);
    file.deal = deal;
    for (const effect of effects) carryOut(file, effect);
    if (!file.isPlaced && standingOf(deal).placedColumns === deal.columns.length) {
      file.isPlaced = true;
      measures.placed(file.id, timeline.now);
    }
  }

  function carryOut(file: File, effect: Effect): void {
    if (effect.do === "end-attempt") endAttempt(file, minerOf(effect.miner), effect.outcome);
    if (effect.do !== "judge") return;
    const miner = minerOf(effect.miner);
    const attempt = file.attempts.get(miner);
    const { observation } = effect;
    if (observation.kind === "reported") {
      measures.reported(timeline.now, file.id, miner);
      const placedAt = attempt?.placedAt === null || attempt === undefined ? {} : { placedAt: attempt.placedAt };
      const missedAt = attempt?.missedAt ?? null;
      observe(
        file,
        miner,
        missedAt === null ? { kind: "reported", ...placedAt } : { kind: "report-late", missedAt, ...placedAt },
      );
    } else observe(file, miner, observation);
  }

  function endAttempt(file: File, miner: number, outcome: AttemptOutcome): void {
    const attempt = file.attempts.get(miner);
    if (attempt === undefined || attempt.state === "ended") return;
    if (outcome === "placed") {
      attempt.state = "placed";
      attempt.placedAt = timeline.now;
      changeLoad(miner, -1, 1);
      return;
    }
    changeLoad(miner, attempt.state === "sending" ? -1 : 0, attempt.state === "placed" ? -1 : 0);
    attempt.state = "ended";
    if (outcome === "reported") return;
    measures.attemptEnded(outcome, miner);
    if (outcome === "REPORT_MISSED") {
      attempt.missedAt = timeline.now;
      file.grudges.add(miner);
      measures.missed(miner, timeline.now);
    } else if (outcome === "HEDGE_LOST" || outcome === "OVERTAKEN") {
      const sentShare = attempt.transfer?.cancel() ?? 0;
      if (outcome === "HEDGE_LOST") {
        policy.hedgeEnded(sentShare);
        measures.wasted(sentShare);
      }
    } else {
      attempt.transfer?.cancel();
      file.grudges.add(miner);
      // One of two has failed, and the other goes on alone: nothing was sent in vain for the sake of the hedge.
      if (attempt.isHedged) policy.hedgeEnded(0);
    }
  }

  /** Gives waiting columns to miners. */
  function place(file: File): void {
    file.isRoundDue = false;
    if (file.deal.state !== "placing") return;
    const { now } = timeline;
    const sending = file.deal.columns.filter(({ state }) => state === "sending").length;
    const due = file.deal.columns
      .filter((column) => column.state === "pending" && column.notBefore <= now)
      .slice(0, policy.parallel - sending);
    if (due.length === 0) return;
    const chosen = ask(file, due.length);
    for (const [i, { index }] of due.entries()) {
      const choice = chosen[i];
      if (choice === undefined) {
        apply(file, { kind: "postponed", index, notBefore: now + SHORTFALL_PAUSE_MS });
        placeAt(file, now + SHORTFALL_PAUSE_MS);
        continue;
      }
      const miner = accountOf(choice.miner);
      apply(file, { kind: "assigned", index, miner, leaseUntil: now + LEASE_MS, relaxations: choice.relaxations });
      send(file, index, choice);
    }
    watchHedges(file);
  }

  function ask(file: File, columns: number) {
    const holders = holdersOf(file.deal).map(minerOf);
    const request = {
      file: file.id,
      columns,
      fragments: rules.fragments,
      holders,
      grudges: file.grudges,
      now: timeline.now,
    };
    const chosen = measures.decide(columns, () => policy.choose(request));
    measures.chosen(holders, chosen);
    return chosen;
  }

  function placeAt(file: File, at: number): void {
    if (file.isRoundDue) return;
    file.isRoundDue = true;
    timeline.at(at, () => place(file));
  }

  function send(file: File, index: number, { miner: id, expectedSeconds }: Assignment): void {
    const miner = miners[id] as SimulatedMiner;
    const attempt: Attempt = {
      startedAt: timeline.now,
      expectedSeconds,
      transfer: null,
      isHedged: false,
      state: "sending",
      placedAt: null,
      patienceMs: 0,
      missedAt: null,
    };
    file.attempts.set(id, attempt);
    changeLoad(id, 1, 0);
    measures.picked(timeline.now, file.id, index, id);
    const isLive = () => attempt.state === "sending";
    const refuse = (code: string) => {
      if (!isLive()) return;
      apply(file, { kind: "refused", index, miner: accountOf(id), code, notBefore: timeline.now + RETRY_MS });
      placeAt(file, timeline.now + RETRY_MS);
    };
    timeline.at(timeline.now + rules.timeoutMs, () => refuse("MINER_TIMEOUT"));
    if (random() < miner.spec.failShare) {
      // A part is refused soon; the rest hangs until the time is over.
      if (random() < FAST_FAILURE_SHARE) timeline.at(timeline.now + 50 + 950 * random(), () => refuse("MINER_REFUSED"));
    } else {
      attempt.transfer = miner.receive(rules.fragments * FRAGMENT_BYTES, () => {
        if (isLive()) arrive(file, index, miner, attempt);
      });
    }
  }

  function arrive(file: File, index: number, miner: SimulatedMiner, attempt: Attempt): void {
    const { now } = timeline;
    const seconds = (now - attempt.startedAt) / 1000;
    const { id } = miner;
    const unreported = loads.unreportedBy(id);
    attempt.patienceMs = reportPatienceMs(unreported, rules.patience, policy.reportingOf(id));
    file.arrivedSeconds.push(seconds);
    apply(file, {
      kind: "transferred",
      index,
      miner: accountOf(id),
      reportBy: now + attempt.patienceMs,
      secondsPerFragment: seconds / rules.fragments,
      ...outrunOf(file, index, id),
    });
    miner.hold(file.chain, index);
    brake = earnBrake(brake, 1, now, defaultPolicy);
    policy.columnPlaced();
    measures.arrived(id);
    watchDeadline(file, id, now + attempt.patienceMs);
    if (policy.parallel < file.deal.columns.length) place(file);
    watchHedges(file);
  }

  /** How long the other miner of a hedged column has been at it, where it began sooner: a rival may just be younger. */
  function outrunOf(file: File, index: number, winner: number): { outrunSecondsPerFragment?: number } {
    const column = file.deal.columns[index - 1];
    if (column?.state !== "sending" || column.rival?.miner !== accountOf(winner)) return {};
    const first = file.attempts.get(minerOf(column.miner));
    if (first === undefined) return {};
    return { outrunSecondsPerFragment: (timeline.now - first.startedAt) / 1000 / rules.fragments };
  }

  function watchDeadline(file: File, id: number, at: number): void {
    timeline.at(at, () => {
      const attempt = file.attempts.get(id);
      if (attempt?.state !== "placed" || file.deal.state !== "placing") return;
      const miner = accountOf(id);
      const column = file.deal.columns.find((one) => one.state === "placed" && one.miner === miner);
      if (column?.state !== "placed" || column.reportBy > timeline.now) return;
      const overdue = { evidence: evidence[id] ?? noEvidence(timeline.now), patienceMs: attempt.patienceMs };
      const made = decideResend(overdue, brake, timeline.now, defaultPolicy);
      brake = made.brake;
      if (made.decision.resend) {
        apply(file, { kind: "time-passed" });
        placeAt(file, timeline.now);
        return;
      }
      const { reportBy } = made.decision;
      apply(file, { kind: "patience-extended", index: column.index, miner, reportBy });
      watchDeadline(file, id, reportBy);
    });
  }

  /** Looks at the columns that are on their way, now and when the next may be late. */
  function watchHedges(file: File): void {
    if (policy.hedge === null || file.isHedgeDue || file.deal.state !== "placing") return;
    let next = Number.POSITIVE_INFINITY;
    for (const column of file.deal.columns) {
      if (column.state !== "sending" || column.rival !== undefined) continue;
      const attempt = file.attempts.get(minerOf(column.miner));
      if (attempt === undefined) continue;
      const situation = {
        now: timeline.now,
        startedAt: attempt.startedAt,
        expectedSeconds: attempt.expectedSeconds,
        hasRival: false,
        columns: file.deal.columns.length,
        arrivedSeconds: file.arrivedSeconds,
      };
      const decision = policy.hedge(situation);
      if (decision.hedge) hedge(file, column.index, attempt);
      else if (decision.why === "too-soon") next = Math.min(next, decision.at);
      else if (decision.why === "no-budget") next = Math.min(next, timeline.now + RETRY_MS);
    }
    if (next === Number.POSITIVE_INFINITY) return;
    file.isHedgeDue = true;
    timeline.at(next, () => {
      file.isHedgeDue = false;
      watchHedges(file);
    });
  }

  function hedge(file: File, index: number, first: Attempt): void {
    const choice = ask(file, 1)[0];
    if (choice === undefined) {
      policy.hedgeEnded(0);
      return;
    }
    const { relaxations } = choice;
    const miner = accountOf(choice.miner);
    apply(file, { kind: "hedged", index, miner, leaseUntil: timeline.now + LEASE_MS, relaxations });
    send(file, index, choice);
    for (const one of [first, file.attempts.get(choice.miner)]) if (one !== undefined) one.isHedged = true;
  }

  return {
    joined: (miner) => policy.joined(miner),
    open(fileId, isMeasured) {
      const file: File = {
        id: fileId,
        openedAt: timeline.now,
        chain: {
          id: fileId,
          reporters: new Map(),
          heard: (index, miner) => hear(file, index, miner),
        },
        attempts: new Map(),
        grudges: new Set(),
        arrivedSeconds: [],
        deal: openDeal(timeline.now),
        isPlaced: false,
        isHedgeDue: false,
        isRoundDue: false,
      };
      measures.opened(fileId, timeline.now, isMeasured);
      apply(file, { kind: "declaration-begun" });
      apply(file, { kind: "declared", block: 0 });
      place(file);
    },
  };

  function hear(file: File, index: number, id: number): void {
    apply(file, { kind: "reported", index, miner: accountOf(id), block: 0 });
    if (standingOf(file.deal).reportedColumns === file.deal.columns.length) {
      apply(file, { kind: "activated", block: 0, miners: null });
      measures.active(file.id, timeline.now);
      return;
    }
    if (file.deal.columns.some(({ state }) => state === "pending")) placeAt(file, timeline.now);
  }
}
