import type { MinerPolicy } from "./policy.js";

/** Miners that were dealt with in the guard's window, and those among them whose last transfer failed. */
export interface Weather {
  readonly minersSeen: number;
  readonly minersFailing: number;
}

/**
 * When very many miners fail within a minute, the likelier cause is one: our network, our chain node, our clock.
 * Law: then nobody's reputation changes by failures. With few miners seen nothing can be told apart.
 */
export const isOursTheFault = (weather: Weather, policy: MinerPolicy): boolean =>
  weather.minersSeen >= policy.guardMiners && weather.minersFailing > weather.minersSeen * policy.guardShare;

/** Whether so large a part of the pool rests already that failed transfers should send nobody more there. */
export const isPoolCrowded = (
  pool: { readonly total: number; readonly resting: number },
  policy: MinerPolicy,
): boolean => pool.total > 0 && pool.resting >= pool.total * policy.cooldownShareMax;
