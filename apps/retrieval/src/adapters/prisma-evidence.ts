import { randomUUID } from "node:crypto";
import { events } from "@granary/contracts";
import type { Database, Outbox } from "@granary/database";
import type { Log } from "@granary/telemetry";
import type { RecordCorrupt } from "../ports.js";

/** The same miner's same fragment is on record once in this time, however often it is asked for. */
const ONCE_IN_MS = 3_600_000;
const REMEMBERED_MAX = 10_000;

export function createPrismaEvidence(options: {
  readonly database: Database;
  readonly outbox: Outbox;
  readonly log: Log;
  readonly recorded?: () => void;
}): RecordCorrupt {
  const { database, outbox, log, recorded = () => {} } = options;
  const seen = new Map<string, number>();
  return async (evidence) => {
    const key = `${evidence.miner}/${evidence.fragment}`;
    const now = Date.now();
    if (now - (seen.get(key) ?? Number.NEGATIVE_INFINITY) < ONCE_IN_MS) return;
    if (seen.size >= REMEMBERED_MAX) seen.clear();
    seen.set(key, now);
    try {
      await database.$transaction(async (tx) => {
        await tx.corruptFragment.create({ data: { id: randomUUID(), ...evidence } });
        await outbox.add(tx, events.fragmentCorrupt.subject, events.fragmentCorrupt.schema.parse(evidence));
      });
      log.warn("a miner served wrong bytes", { ...evidence });
      recorded();
    } catch (error) {
      seen.delete(key);
      log.thrown("evidence against a miner could not be recorded", error, { ...evidence });
    }
  };
}
