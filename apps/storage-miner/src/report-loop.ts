import { asCodedError, type Fid, isRetryable } from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import { type HoldingPorts, type Settled, settleHolding } from "./flow/settle-holding.js";
import type { MinerTiming } from "./ports.js";

export interface ReportLoop {
  /** Look at these soon. */
  wake(fids: ReadonlySet<Fid>): void;
  stop(): Promise<void>;
}

export interface ReportLoopOptions {
  readonly holding: HoldingPorts;
  readonly timing: MinerTiming;
  readonly log: Log;
  activity(): "all" | "no reports" | "none";
  onReport(isWon: boolean): void;
}

/** A report that the chain refused for a reason of its own is not paid for again every second. */
const REFUSED_PAUSE_MS = 30_000;

/**
 * Looks at every FID that is not settled once in each poll, and at those that were woken at once; one after another,
 * as the deployed miners do, so that a miner reports one column per block at most.
 */
export function startReportLoop(options: ReportLoopOptions): ReportLoop {
  const loop = new Loop(options);
  loop.run();
  return loop;
}

class Loop implements ReportLoop {
  private readonly due = new Set<Fid>();
  private readonly absentSince = new Map<Fid, number>();
  private readonly pausedUntil = new Map<Fid, number>();
  private sweptAt = Number.NEGATIVE_INFINITY;
  private isStopping = false;
  private done: Promise<void> = Promise.resolve();
  private endPause: () => void = () => undefined;

  constructor(private readonly options: ReportLoopOptions) {}

  run(): void {
    this.done = this.loop();
  }

  wake(fids: ReadonlySet<Fid>): void {
    for (const fid of fids) {
      if (this.options.holding.store.held(fid).size > 0) this.due.add(fid);
    }
    if (this.due.size > 0) this.endPause();
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    this.endPause();
    await this.done;
  }

  private async loop(): Promise<void> {
    while (!this.isStopping) {
      this.addUnsettled();
      for (const fid of this.due) {
        if (this.isStopping) break;
        // Taken out before the look: what happens during it asks for another.
        this.due.delete(fid);
        await this.look(fid);
      }
      if (this.due.size === 0 && !this.isStopping) await this.pause();
    }
  }

  private addUnsettled(): void {
    const { store } = this.options.holding;
    const isSweep = performance.now() - this.sweptAt >= this.options.timing.sweepMs;
    if (isSweep) this.sweptAt = performance.now();
    for (const fid of store.fids) {
      if (isSweep || !store.isKept(fid) || this.absentSince.has(fid)) this.due.add(fid);
    }
  }

  private async look(fid: Fid): Promise<void> {
    const { holding, log, onReport } = this.options;
    const activity = this.options.activity();
    if (activity === "none" || holding.store.held(fid).size === 0) return;
    const mayReport = activity === "all" && performance.now() >= (this.pausedUntil.get(fid) ?? 0);
    try {
      const isAbsenceOld = (_: Fid, isAbsent: boolean): boolean => this.noteAbsence(fid, isAbsent);
      const settled = await settleHolding(holding, { mayReport, isAbsenceOld }, fid);
      if (settled === "reported" || settled === "lost") onReport(settled === "reported");
      this.noteSettled(fid, settled);
    } catch (error) {
      if (!isRetryable(asCodedError(error))) this.pausedUntil.set(fid, performance.now() + REFUSED_PAUSE_MS);
      log.thrown("a holding could not be settled and will be looked at again", error, { fid });
    }
  }

  private noteAbsence(fid: Fid, isAbsent: boolean): boolean {
    if (!isAbsent) {
      this.absentSince.delete(fid);
      return false;
    }
    const since = this.absentSince.get(fid) ?? performance.now();
    this.absentSince.set(fid, since);
    return performance.now() - since >= this.options.timing.absenceGraceMs;
  }

  private noteSettled(fid: Fid, settled: Settled): void {
    if (settled !== "waiting") this.options.log.debug("a holding moved on", { fid, settled });
    if (settled === "dropped") {
      this.absentSince.delete(fid);
      this.pausedUntil.delete(fid);
    }
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.options.timing.reportPollMs);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
