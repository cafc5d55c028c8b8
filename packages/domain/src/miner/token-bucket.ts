/**
 * An allowance that is earned and spent in tokens.
 * Law: what is spent, over any time, is at most what was earned in it plus the capacity.
 */
export interface TokenBucket {
  readonly tokens: number;
}

export const fullBucket = (capacity: number): TokenBucket => ({ tokens: capacity });

export const earn = (bucket: TokenBucket, tokens: number, capacity: number): TokenBucket => ({
  tokens: Math.min(capacity, bucket.tokens + Math.max(0, tokens)),
});

/** Null when there is not enough. */
export const spend = (bucket: TokenBucket, tokens: number): TokenBucket | null =>
  bucket.tokens < tokens ? null : { tokens: bucket.tokens - tokens };
