import type { ChainReader, Deal } from "@granary/chain-client";
import type { Fid } from "@granary/primitives";

/**
 * Deals as last read, for all miners of a process: twelve of them ask about the same deal for every fragment, and a
 * deal of a large file is a megabyte.
 */
export interface DealCache {
  read(fid: Fid, maxAgeMs: number): Promise<Deal | null>;
  forget(fid: Fid): void;
}

interface Entry {
  readonly readAt: number;
  readonly deal: Promise<Deal | null>;
}

const ENTRIES_MAX = 64;

export function createDealCache(reader: Pick<ChainReader, "deal">, now: () => number): DealCache {
  const entries = new Map<Fid, Entry>();
  const readNow = (fid: Fid): Promise<Deal | null> => {
    const entry: Entry = { readAt: now(), deal: reader.deal(fid, "best") };
    entries.delete(fid);
    entries.set(fid, entry);
    const forget = (): void => {
      if (entries.get(fid) === entry) entries.delete(fid);
    };
    // That there is no deal is news of the moment only; so is an error.
    entry.deal.then((deal) => deal === null && forget(), forget);
    for (const oldest of entries.keys()) {
      if (entries.size <= ENTRIES_MAX) break;
      entries.delete(oldest);
    }
    return entry.deal;
  };
  return {
    read: (fid, maxAgeMs) => {
      const entry = entries.get(fid);
      return entry !== undefined && now() - entry.readAt <= maxAgeMs ? entry.deal : readNow(fid);
    },
    forget: (fid) => entries.delete(fid),
  };
}
