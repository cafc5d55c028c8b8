import type { BlockRef, Cursor, IndexerPorts } from "../ports.js";

/** Blocks in flight: what tables and node may differ by and still count as abreast. */
const ABREAST_WITHIN_BLOCKS = 5;

/** Tables that lack blocks are not, nor are those that have many more: then the node is an old one, and sees nothing new. */
export const areAbreast = (cursor: Cursor | null, finalized: Pick<BlockRef, "number">): boolean =>
  cursor !== null && Math.abs(finalized.number - cursor.number) <= ABREAST_WITHIN_BLOCKS;

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
  if (cursor !== null && cursor.number >= head.number && areAbreast(cursor, head)) lag.syncedAt = askedAt;
  return "idle";
}
