import type { InputOf, OutputOf } from "@granary/contracts";
import { decayed, type MinerPolicy, phaseOf, trustOf } from "@granary/domain/miner";
import type { MinerPool, MinerRecord } from "../ports.js";

type Shown = OutputOf<"minersList">["miners"][number];

/** What we think of each miner, and why. */
export async function listMiners(
  ports: { readonly miners: Pick<MinerPool, "list">; readonly clock: () => number },
  policy: MinerPolicy,
  { after, count }: InputOf<"minersList">,
): Promise<OutputOf<"minersList">> {
  const now = ports.clock();
  const records = await ports.miners.list(after, count);
  const last = records.at(-1);
  return {
    miners: records.map((record) => show(record, policy, now)),
    next: records.length < count || last === undefined ? null : last.account,
  };
}

function show(record: MinerRecord, policy: MinerPolicy, now: number): Shown {
  const { kept, broken } = decayed(record.evidence, now, policy);
  const { until, failuresInRow } = record.cooldown;
  return {
    account: record.account,
    endpoint: record.endpoint,
    chainState: record.chainState,
    idleBytes: record.idleBytes,
    standing: standingOf(record, now),
    score: trustOf(record.evidence, now, policy),
    alpha: kept,
    beta: broken,
    unreportedColumns: record.unreported,
    consecutiveFailures: failuresInRow,
    cooldownUntil: until === null ? null : new Date(until).toISOString(),
    lastFailureCode: record.lastFailure?.code ?? null,
    lastFailureAt: record.lastFailure === null ? null : new Date(record.lastFailure.at).toISOString(),
    lastSuccessAt: record.lastSuccessAt === null ? null : new Date(record.lastSuccessAt).toISOString(),
  };
}

export function standingOf(record: MinerRecord, now: number): Shown["standing"] {
  if (record.quarantine !== null) return "quarantined";
  if (record.chainState !== "positive") return "unavailable";
  const phase = phaseOf(record.cooldown, now);
  return phase === "open" ? "cooldown" : phase === "half-open" ? "probing" : "available";
}
