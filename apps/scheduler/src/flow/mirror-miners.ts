import type { AccountId } from "@granary/primitives";
import type { ChainMinersPage, Clock, MinerPool } from "../ports.js";

const PAGE = 500;

/** Reads all miners from the indexer, page by page: whatever message about one was lost, this makes up for it. */
export async function mirrorMiners(ports: {
  readonly miners: Pick<MinerPool, "mirror" | "retireUnseen">;
  readonly clock: Clock;
  readonly page: (after: AccountId | null, count: number) => Promise<ChainMinersPage>;
}): Promise<number> {
  const begunAt = ports.clock();
  let after: AccountId | null = null;
  let count = 0;
  do {
    const page: ChainMinersPage = await ports.page(after, PAGE);
    for (const miner of page.miners) await ports.miners.mirror(miner);
    count += page.miners.length;
    after = page.next;
  } while (after !== null);
  // An indexer that knows nobody yet says nothing about who is gone.
  if (count > 0) await ports.miners.retireUnseen(begunAt);
  return count;
}
