import type { HedgeBudget } from "../ports.js";

/** Hedges that may come at once, however long none was needed. */
const BURST = 4;

/**
 * A token bucket that requests fill: of all requests at most `share` are hedges, so that hedging cannot multiply the load
 * of miners that are slow because of their load.
 */
export function createHedgeBudget(share: number): HedgeBudget {
  let tokens = share > 0 ? 1 : 0;
  return {
    asked() {
      tokens = Math.min(BURST, tokens + share);
    },
    take() {
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
