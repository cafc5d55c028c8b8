import { type AccountId, CodedError } from "@granary/primitives";

/** Takes one start from an account's budget. @throws CodedError RATE_LIMITED (exhausted) */
export type StartLimiter = (account: AccountId, nowMs: number) => void;

const ACCOUNTS_MAX = 10_000;

/** A bucket of tokens for each account, of this replica alone. */
export function createStartLimiter(options: { readonly perSecond: number; readonly burst: number }): StartLimiter {
  const buckets = new Map<AccountId, { tokens: number; atMs: number }>();
  return (account, nowMs) => {
    const before = buckets.get(account) ?? { tokens: options.burst, atMs: nowMs };
    const tokens = Math.min(options.burst, before.tokens + ((nowMs - before.atMs) / 1000) * options.perSecond);
    // Moved to the end: the map's order is the order of use, so the one forgotten is the one longest unused.
    buckets.delete(account);
    buckets.set(account, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: nowMs });
    if (buckets.size > ACCOUNTS_MAX) buckets.delete(buckets.keys().next().value as AccountId);
    if (tokens < 1) {
      const retryAfterSeconds = Math.ceil((1 - tokens) / options.perSecond);
      throw new CodedError("RATE_LIMITED", "exhausted", "the account starts uploads too fast", { retryAfterSeconds });
    }
  };
}
