import { CodedError } from "@granary/primitives";
import type { Cursor, IndexerPorts } from "../ports.js";
import { applyBlock, type Place } from "./apply-block.js";
import { takeSnapshot } from "./take-snapshot.js";

type RecoveryReason = Parameters<IndexerPorts["observer"]["recovered"]>[0];

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** How often everything is compared with the chain again, for what changes without an event. */
  readonly rescanEveryMs: number;
}

/** What says that going on block by block is impossible, and from where it goes on instead. */
const recoverable: Readonly<Record<string, RecoveryReason>> = {
  CHAIN_HISTORY_MISMATCH: "history",
  CHAIN_STATE_PRUNED: "pruned",
};

/**
 * Follows finalized blocks until the signal is aborted. The one that does this is the leader among the replicas; if two
 * ever do, the cursor's check in each commit lets only one succeed.
 *
 * A cursor that is not on this chain (another node, a wiped state, blocks that the node has pruned) is an alarm, and is
 * healed by a fresh snapshot.
 */
export async function followChain(ports: IndexerPorts, options: FollowOptions): Promise<void> {
  let place = settledAt(await startingPoint(ports));
  let rescannedAt = performance.now();
  while (!options.signal.aborted) {
    try {
      for await (const block of ports.chain.followFinalized({ after: place.reached, signal: options.signal })) {
        place = await applyBlock(ports, place, block);
        if (performance.now() - rescannedAt > options.rescanEveryMs) {
          const startedAt = performance.now();
          place = settledAt(
            await takeSnapshot(ports, place.committed, place.reached, { kind: "rescan", clear: false }),
          );
          rescannedAt = performance.now();
          ports.observer.rescanned((rescannedAt - startedAt) / 1000);
        }
      }
    } catch (error) {
      const reason = error instanceof CodedError ? recoverable[error.code] : undefined;
      if (reason === undefined) throw error;
      place = settledAt(await recover(ports, place.committed, reason, error));
    }
  }
}

const settledAt = (cursor: Cursor): Place => ({ reached: cursor, committed: cursor });

async function startingPoint(ports: IndexerPorts): Promise<Cursor> {
  const cursor = await ports.mirror.cursor();
  if (cursor === null) return recover(ports, null, "first");
  const { genesisHash } = await ports.chain.status();
  if (genesisHash !== cursor.genesisHash) return recover(ports, cursor, "other-chain");
  return cursor;
}

async function recover(
  ports: IndexerPorts,
  from: Cursor | null,
  reason: RecoveryReason,
  cause?: unknown,
): Promise<Cursor> {
  const { genesisHash, finalized } = await ports.chain.status();
  const clear = from !== null && from.genesisHash !== genesisHash;
  if (from !== null) {
    const details = { reason, cursor: from.number, finalized: finalized.number };
    const message = "the tables do not fit this chain and are made anew from its state";
    ports.log.thrown(message, new CodedError("CHAIN_CURSOR_UNFIT", "bug", message, details, { cause }));
  }
  const cursor = await takeSnapshot(ports, from, { genesisHash, ...finalized }, { kind: "whole", clear });
  ports.observer.recovered(clear ? "other-chain" : reason);
  ports.log.info("took a snapshot of the chain", { block: cursor.number, reason });
  return cursor;
}
