import type { IndexerPorts } from "../ports.js";

/** How the tables stand to the finalized chain; kept by every replica, leading or not. */
export interface Lag {
  finalizedBlock: number;
  /** When the tables last had all that was final, by the clock of `now`; null: never yet. */
  syncedAt: number | null;
}

export async function measureLag(
  { chain, mirror, now }: Pick<IndexerPorts, "chain" | "mirror"> & { readonly now: () => number },
  lag: Lag,
): Promise<"idle"> {
  const askedAt = now();
  const [head, cursor] = await Promise.all([chain.finalizedHead(), mirror.cursor()]);
  lag.finalizedBlock = head.number;
  if (cursor !== null && cursor.number >= head.number) lag.syncedAt = askedAt;
  return "idle";
}
