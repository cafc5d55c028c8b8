import type { HedgeDecision, HedgeSituation, Observation, Random, Reporting } from "@granary/domain/miner";
import type { SimulatedMiner } from "../miner.js";

/** What a policy is asked: miners for columns of one file. Ids, no objects: it happens a million times. */
export interface Request {
  readonly file: number;
  readonly columns: number;
  readonly fragments: number;
  /** Miners that hold, or may hold, a column of the file. */
  readonly holders: readonly number[];
  /** Miners that failed with this file: only when there is nobody else. */
  readonly grudges: ReadonlySet<number>;
  readonly now: number;
}

export interface Assignment {
  readonly miner: number;
  readonly relaxations: readonly string[];
  readonly expectedSeconds: number | null;
}

/** What a gateway knows of a miner's load by its own columns, and by the chain's open deals where it reads them. */
export interface LoadView {
  inflight(miner: number): number;
  unreported(miner: number): number;
}

/** A way to choose miners. Everything else (sending, deadlines, the brake, deals) is the same for all. */
export interface PlacementPolicy {
  /** Columns of one file that are sent at a time. */
  readonly parallel: number;
  joined(miner: SimulatedMiner): void;
  choose(request: Request): readonly Assignment[];
  observe(miner: number, observation: Observation, now: number, file: number): void;
  loadChanged(miner: number): void;
  /** Null for a policy that never hedges. */
  readonly hedge: ((situation: HedgeSituation) => HedgeDecision) | null;
  hedgeEnded(sentShare: number): void;
  columnPlaced(): void;
  reportingOf(miner: number): Reporting | null;
}

export interface PolicyWorld {
  readonly miners: readonly SimulatedMiner[];
  readonly random: Random;
  readonly load: LoadView;
}

export const plain = (miner: number): Assignment => ({ miner, relaxations: [], expectedSeconds: null });
