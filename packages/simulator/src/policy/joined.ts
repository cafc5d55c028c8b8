import type { Random } from "@granary/domain/miner";
import type { Request } from "./policy.js";

/** Miners that have joined, to draw from with equal chances. */
export interface Joined {
  readonly all: readonly number[];
  add(miner: number): void;
  /**
   * A miner that may take a column and that `isWanted`, or, after many draws, any that may; null where there is none.
   */
  draw(request: Request, taken: ReadonlySet<number>, isWanted?: (miner: number) => boolean): number | null;
}

const DRAWS = 60;

export function createJoined(random: Random): Joined {
  const all: number[] = [];
  return {
    all,
    add: (miner) => {
      all.push(miner);
    },
    draw(request, taken, isWanted = () => true) {
      let fallback: number | null = null;
      for (let i = 0; i < DRAWS && all.length > 0; i += 1) {
        const miner = all[Math.floor(random() * all.length)] as number;
        if (taken.has(miner)) continue;
        if (!request.grudges.has(miner) && isWanted(miner)) return miner;
        fallback ??= miner;
      }
      return fallback;
    },
  };
}

/** Twelve times one: `pickOne` is told who is taken by now. */
export function pickEach(request: Request, pickOne: (taken: ReadonlySet<number>) => number | null) {
  const taken = new Set(request.holders);
  const picks: number[] = [];
  while (picks.length < request.columns) {
    const miner = pickOne(taken);
    if (miner === null) break;
    taken.add(miner);
    picks.push(miner);
  }
  return picks;
}
