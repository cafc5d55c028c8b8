import { type MinerPolicy, seededRandom } from "@granary/domain/miner";
import { FRAGMENT_BYTES, FRAGMENTS_PER_SEGMENT } from "@granary/primitives";
import { createGateway } from "./gateway.js";
import { createMeasures, type Outcome } from "./measures.js";
import { createMiner, type ReportRules, type SimulatedMiner } from "./miner.js";
import { createPolicy, type PolicyName } from "./policy/index.js";
import type { LoadView, PlacementPolicy } from "./policy/policy.js";
import { type Population, populate } from "./population.js";
import { createTimeline, type Timeline } from "./timeline.js";
import { createTrace } from "./trace.js";

/** One run of one policy. */
export interface Cell {
  readonly miners: number;
  /** Share of the miners' bandwidth, all together, that what is uploaded would fill. */
  readonly load: number;
  readonly policy: PolicyName;
  readonly population: Population;
  readonly gateways: number;
  /** Whether a gateway reads the columns of the others in the chain's open deals, or knows its own only. */
  readonly readsForeignDeals: boolean;
  /** Segments of a file: fragments of a column. */
  readonly fragments: number;
  readonly seconds: number;
  /** Files of the beginning that are not measured. */
  readonly warmUpSeconds: number;
  readonly seed: number;
  readonly reports: ReportRules;
  readonly minerPolicy?: MinerPolicy;
}

export interface CellResult {
  readonly cell: Cell;
  readonly outcome: Outcome;
  readonly traceHash: string;
}

/** What has not become active this long after the last upload counts as it stands. */
const DRAIN_SECONDS = 1_800;
/** Streams of chance are apart, so that policies meet the same miners and the same uploads. */
const stream = (seed: number, name: number) => seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(name, 0x85ebca6b));

/** @param clock milliseconds of real time, for the time that decisions take; the trace does not depend on it */
export function runCell(cell: Cell, clock: () => number): CellResult {
  const timeline = createTimeline();
  const trace = createTrace();
  const specs = populate(cell.miners, cell.population, stream(cell.seed, 1));
  const chance = stream(cell.seed, 2);
  const miners = specs.map((spec, id) => createMiner(id, spec, { timeline, random: chance, rules: cell.reports }));
  const measures = createMeasures(miners, trace, clock);
  const endMs = cell.seconds * 1000;
  const gateways = createGateways(cell, { timeline, miners, measures, random: chance });
  for (const miner of miners)
    liveOn(miner, endMs, timeline, () => {
      for (const one of gateways) one.joined(miner);
    });

  const bytesPerSecond = specs.reduce((sum, spec) => sum + spec.bytesPerSecond, 0);
  const filesPerSecond = (cell.load * bytesPerSecond) / (FRAGMENTS_PER_SEGMENT * cell.fragments * FRAGMENT_BYTES);
  const arrivals = stream(cell.seed, 3);
  let files = 0;
  function arrive(): void {
    const pauseMs = (-Math.log(1 - arrivals()) / filesPerSecond) * 1000;
    const at = timeline.now + pauseMs;
    if (at >= endMs) return;
    timeline.at(at, () => {
      files += 1;
      const gateway = gateways[files % gateways.length];
      gateway?.open(files, timeline.now >= cell.warmUpSeconds * 1000);
      arrive();
    });
  }
  arrive();
  timeline.runUntil(endMs + DRAIN_SECONDS * 1000);
  return { cell, outcome: measures.outcome(timeline.now), traceHash: trace.hash };
}

function createGateways(
  cell: Cell,
  world: Omit<Parameters<typeof createGateway>[0], "rules">,
): ReturnType<typeof createGateway>[] {
  const { miners, random } = world;
  const rules = {
    fragments: cell.fragments,
    timeoutMs: 60_000 * cell.fragments,
    patience: { baseMs: 90_000, perColumnMs: 9_000, maxMs: 900_000 },
  };
  const policies: PlacementPolicy[] = [];
  const all = Array.from({ length: cell.gateways }, () => ({
    inflight: new Uint16Array(miners.length),
    unreported: new Uint16Array(miners.length),
  }));
  return all.map((own) => {
    const view: LoadView = {
      inflight: (miner) => own.inflight[miner] as number,
      unreported: (miner) =>
        cell.readsForeignDeals
          ? all.reduce((sum, one) => sum + (one.unreported[miner] as number), 0)
          : (own.unreported[miner] as number),
    };
    const policy = createPolicy(cell.policy, { miners, random, load: view }, cell.minerPolicy);
    policies.push(policy);
    const changed = (miner: number) => {
      if (!cell.readsForeignDeals) policy.loadChanged(miner);
      else for (const one of policies) one.loadChanged(miner);
    };
    return createGateway({ ...world, rules }, policy, { ...own, unreportedBy: view.unreported, changed });
  });
}

function liveOn(miner: SimulatedMiner, endMs: number, timeline: Timeline, join: () => void): void {
  timeline.at(miner.spec.joinsAt * endMs, join);
  for (const turn of miner.spec.turns) {
    timeline.at(turn.at * endMs, () => {
      if (turn.kind === "speed") miner.setSpeedFactor(turn.factor);
      else if (turn.kind === "online") miner.setOnline(turn.isOnline);
      else miner.isLying = turn.isLying;
    });
  }
}
