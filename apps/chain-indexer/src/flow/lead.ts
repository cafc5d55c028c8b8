import type { SessionLock } from "@granary/database";
import type { IndexerPorts } from "../ports.js";
import { type FollowOptions, followChain } from "./follow-chain.js";

/** How often a replica that does not lead tries to. */
const TRY_EVERY_MS = 2_000;

/**
 * One turn as leader: follows the chain for as long as the lock is ours. Without the lock there is nothing to do but to
 * try again.
 */
export async function lead(
  ports: IndexerPorts & { readonly tryLock: () => Promise<SessionLock | null> },
  options: FollowOptions,
): Promise<"busy" | { readonly throttledMs: number }> {
  const lock = await ports.tryLock();
  if (lock === null) return { throttledMs: TRY_EVERY_MS };
  ports.observer.leading(true);
  ports.log.info("this replica follows the chain");
  try {
    await followChain(ports, { ...options, signal: AbortSignal.any([options.signal, lock.lost]) });
    return { throttledMs: TRY_EVERY_MS };
  } finally {
    ports.observer.leading(false);
    await lock.release();
  }
}
