import type { Random } from "@granary/domain/miner";
import type { MinerSpec } from "./population.js";
import type { Timeline } from "./timeline.js";

/** How a miner reports, on a chain that takes its time. Seconds. */
export interface ReportRules {
  readonly pollSeconds: number;
  readonly secondsPerReport: number;
  readonly finalitySeconds: number;
}

/** A file as the chain has it. */
export interface ChainFile {
  readonly id: number;
  /** Column → who reported it; the chain takes each column once, and each miner once. */
  readonly reporters: Map<number, number>;
  heard(index: number, miner: number): void;
}

export interface Transfer {
  /** Breaks it off; says which share of the bytes had been sent. */
  cancel(): number;
}

interface Job {
  readonly bytes: number;
  readonly finishAt: number;
  readonly startedAt: number;
  readonly arrived: () => void;
}

/**
 * A miner: its bandwidth is shared among what comes in, and it reports what it holds one column after another. It is
 * the model's, not the gateway's: nothing here is known to a policy but the oracle.
 */
export interface SimulatedMiner {
  readonly id: number;
  readonly spec: MinerSpec;
  isOnline: boolean;
  isLying: boolean;
  readonly speedFactor: number;
  readonly incoming: number;
  /** Columns that wait for their report. */
  readonly unreported: number;
  setSpeedFactor(factor: number): void;
  setOnline(isOnline: boolean): void;
  /** `arrived` is called when all bytes are there. */
  receive(bytes: number, arrived: () => void): Transfer;
  hold(file: ChainFile, index: number): void;
}

export function createMiner(
  id: number,
  spec: MinerSpec,
  world: { readonly timeline: Timeline; readonly random: Random; readonly rules: ReportRules },
): SimulatedMiner {
  const { timeline } = world;
  const jobs: Job[] = [];
  /** Bytes that each job has been given since the beginning of time. */
  let given = 0;
  let givenAt = 0;
  let version = 0;
  let speedFactor = 1;
  const reports = createReportLoop(id, world, () => self.isOnline && !self.isLying);

  const rate = () => (self.isOnline && jobs.length > 0 ? (spec.bytesPerSecond * speedFactor) / 1000 / jobs.length : 0);

  function advance(): void {
    given += (timeline.now - givenAt) * rate();
    givenAt = timeline.now;
  }

  function reschedule(): void {
    version += 1;
    const mine = version;
    if (rate() === 0) return;
    let next = jobs[0] as Job;
    for (const job of jobs) if (job.finishAt < next.finishAt) next = job;
    timeline.at(timeline.now + Math.max(0, next.finishAt - given) / rate(), () => {
      if (mine !== version) return;
      advance();
      jobs.splice(jobs.indexOf(next), 1);
      reschedule();
      next.arrived();
    });
  }

  const self: SimulatedMiner = {
    id,
    spec,
    isOnline: true,
    isLying: false,
    get speedFactor() {
      return speedFactor;
    },
    get incoming() {
      return jobs.length;
    },
    get unreported() {
      return reports.waiting;
    },
    setSpeedFactor(factor) {
      advance();
      speedFactor = factor;
      reschedule();
    },
    setOnline(isOnline) {
      advance();
      self.isOnline = isOnline;
      reschedule();
    },
    receive(bytes, arrived) {
      advance();
      const job: Job = { bytes, finishAt: given + bytes, startedAt: given, arrived };
      jobs.push(job);
      reschedule();
      return {
        cancel() {
          const place = jobs.indexOf(job);
          if (place < 0) return 1;
          advance();
          jobs.splice(place, 1);
          reschedule();
          return Math.min(1, (given - job.startedAt) / job.bytes);
        },
      };
    },
    hold(file, index) {
      if (!spec.isLiar) reports.add(file, index);
    },
  };
  return self;
}

/** Looks every so often what it holds, and reports all of that, one after another; then what has come meanwhile. */
function createReportLoop(
  miner: number,
  world: { readonly timeline: Timeline; readonly random: Random; readonly rules: ReportRules },
  isWilling: () => boolean,
) {
  const { timeline, random, rules } = world;
  const pollMs = rules.pollSeconds * 1000;
  const phase = random() * pollMs;
  let waiting: { readonly file: ChainFile; readonly index: number }[] = [];
  let isRunning = false;
  let lastPoll = Number.NEGATIVE_INFINITY;
  /** Taken up in the present round and not done yet. */
  let underWay = 0;

  function wake(): void {
    if (isRunning || waiting.length === 0) return;
    isRunning = true;
    const tick = pollMs === 0 ? timeline.now : Math.ceil((timeline.now - phase) / pollMs) * pollMs + phase;
    timeline.at(tick, poll);
  }

  function poll(): void {
    lastPoll = timeline.now;
    if (!isWilling()) {
      timeline.at(timeline.now + Math.max(pollMs, 1000), poll);
      return;
    }
    const round = waiting;
    waiting = [];
    underWay = round.length;
    step(round, 0);
  }

  function step(round: typeof waiting, place: number): void {
    underWay = round.length - place;
    const held = round[place];
    if (held === undefined) {
      isRunning = false;
      // A round that took longer than the pause begins again at once.
      if (waiting.length > 0 && timeline.now >= lastPoll + pollMs) {
        isRunning = true;
        poll();
      } else wake();
      return;
    }
    if (isTaken(held)) {
      step(round, place + 1);
      return;
    }
    const seconds = rules.secondsPerReport * (0.8 + 0.4 * random());
    timeline.at(timeline.now + seconds * 1000, () => {
      if (!isTaken(held)) {
        held.file.reporters.set(held.index, miner);
        timeline.at(timeline.now + rules.finalitySeconds * 1000, () => held.file.heard(held.index, miner));
      }
      step(round, place + 1);
    });
  }

  function isTaken({ file, index }: (typeof waiting)[number]): boolean {
    if (file.reporters.has(index)) return true;
    for (const reporter of file.reporters.values()) if (reporter === miner) return true;
    return false;
  }

  return {
    get waiting() {
      return waiting.length + underWay;
    },
    add(file: ChainFile, index: number): void {
      waiting.push({ file, index });
      wake();
    },
  };
}
