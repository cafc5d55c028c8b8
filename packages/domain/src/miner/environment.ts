import type { Instant } from "./instant.js";
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

/** Keeps count of whom we dealt with lately, and how it went the last time: O(1) for each outcome. */
export interface WeatherWatch {
  saw(account: string, isFailure: boolean, now: Instant): void;
  at(now: Instant): Weather;
}

/** `now` must not go back. */
export function createWeatherWatch(windowMs: number): WeatherWatch {
  /** The oldest first: whoever is seen again moves to the end. */
  const last = new Map<string, { readonly at: Instant; readonly isFailure: boolean }>();
  let minersFailing = 0;
  const forget = (account: string) => {
    if (last.get(account)?.isFailure === true) minersFailing -= 1;
    last.delete(account);
  };
  return {
    saw(account, isFailure, now) {
      forget(account);
      last.set(account, { at: now, isFailure });
      if (isFailure) minersFailing += 1;
    },
    at(now) {
      for (const [account, { at }] of last) {
        if (at > now - windowMs) break;
        forget(account);
      }
      return { minersSeen: last.size, minersFailing };
    },
  };
}
