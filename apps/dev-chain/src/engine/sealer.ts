import type { Journal } from "../store/journal.js";
import type { Chain, TransactionFate } from "./chain.js";
import type { Block } from "./engine.js";

export interface SealerConfig {
  /** `timed`: a block every `blockMs`, idle or not. `instant`: one as soon as a transaction is there. `manual`: on call. */
  readonly seal: "timed" | "instant" | "manual";
  readonly blockMs: number;
  /** From a block to its finality. Clients miss "in block" when both come at once. */
  readonly finalityMs: number;
}

/** Shorter than this, clients that watch a transaction see only that it is final. */
export const finalityMsMin = 15;
/** Lets transactions that come together share a block. */
const instantDelayMs = 3;

/** Decides when blocks are made and when they are final. */
export class Sealer {
  private readonly timers = new Set<NodeJS.Timeout>();
  private stopListening = () => {};
  private isStopped = false;
  private isInstantDue = false;
  private isFinalityStalled = false;
  /** Newest block whose finality is due. */
  private due: Block | null = null;
  private lastTime = 0;
  private clockShiftMs = 0;

  constructor(
    private readonly chain: Chain,
    private readonly journal: Journal,
    private readonly config: SealerConfig,
    /** A block could not be made or not be made durable: the chain cannot go on. */
    private readonly onFatal: (error: unknown) => void,
  ) {}

  start(): void {
    if (this.config.seal === "timed") this.tick(Date.now());
    if (this.config.seal === "instant") this.stopListening = this.chain.onReady(() => this.sealSoon());
  }

  stop(): void {
    this.isStopped = true;
    this.stopListening();
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }

  seal(): Block {
    this.lastTime = this.nextTime();
    return this.finalizeInTime(this.chain.seal(this.lastTime));
  }

  /** @see Chain.reorganize */
  reorganize(depth: number, fate: TransactionFate): Block {
    const now = this.nextTime();
    this.lastTime = now + depth;
    return this.finalizeInTime(this.chain.reorganize(depth, now, fate));
  }

  /** Blocks say from now on that they were made so much later than they are, or earlier. */
  shiftClock(shiftMs: number): void {
    this.clockShiftMs = shiftMs;
  }

  /** From now on no block becomes final; or those that wait for it, and all others, do. */
  stallFinality(isStalled: boolean): void {
    this.isFinalityStalled = isStalled;
    if (!isStalled) this.after(0, () => this.finalize());
  }

  private nextTime(): number {
    return Math.max(Date.now() + this.clockShiftMs, this.lastTime + 1);
  }

  private finalizeInTime(block: Block): Block {
    this.after(Math.max(this.config.finalityMs, finalityMsMin), () => {
      this.due = block;
      return this.finalize();
    });
    return block;
  }

  /** Keeps to the beat: a late block does not delay the next ones, beats that were missed are not made up. */
  private tick(dueAt: number): void {
    const { blockMs } = this.config;
    const nextAt = Math.max(dueAt + blockMs, Date.now());
    this.after(nextAt - Date.now(), () => {
      this.seal();
      this.tick(nextAt);
    });
  }

  private sealSoon(): void {
    if (this.isInstantDue) return;
    this.isInstantDue = true;
    this.after(instantDelayMs, () => {
      this.isInstantDue = false;
      this.seal();
    });
  }

  private async finalize(): Promise<void> {
    const { due } = this;
    if (due === null) return;
    await this.journal.sync();
    if (!this.isStopped && !this.isFinalityStalled) this.chain.finalize(due);
  }

  private after(delayMs: number, run: () => void | Promise<void>): void {
    if (this.isStopped) return;
    const timer = setTimeout(async () => {
      this.timers.delete(timer);
      try {
        await run();
      } catch (error) {
        this.stop();
        this.onFatal(error);
      }
    }, delayMs);
    this.timers.add(timer);
  }
}
