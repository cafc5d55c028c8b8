import type { InputOf, OutputOf, RatedMiner } from "@granary/contracts";
import { decayed, explain, type MinerPolicy, phaseOf, trustOf } from "@granary/domain/miner";
import type { MinerPool, MinerRecord } from "../ports.js";

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
    miners: records.map((record) => rate(record, policy, now)),
    next: records.length < count || last === undefined ? null : last.account,
  };
}

export function rate(record: MinerRecord, policy: MinerPolicy, now: number): RatedMiner {
  const { kept, broken } = decayed(record.evidence, now, policy);
  const { until, failuresInRow } = record.cooldown;
  return {
    account: record.account,
    endpoint: record.endpoint,
    chainState: record.chainState,
    idleBytes: record.idleBytes,
    standing: standingOf(record, now),
    score: trustOf(record.evidence, now, policy),
    scoreParts: meanScore(record, policy, now),
    alpha: kept,
    beta: broken,
    inflightColumns: record.inflight,
    unreportedColumns: record.unreported,
    consecutiveFailures: failuresInRow,
    cooldownUntil: until === null ? null : new Date(until).toISOString(),
    quarantinedReason: record.quarantine,
    lastFailureCode: record.lastFailure?.code ?? null,
    lastFailureAt: record.lastFailure === null ? null : new Date(record.lastFailure.at).toISOString(),
    lastSuccessAt: record.lastSuccessAt === null ? null : new Date(record.lastSuccessAt).toISOString(),
  };
}

/** What a column of one fragment would cost, with the mean of the belief where a choice draws from it. */
function meanScore(record: MinerRecord, policy: MinerPolicy, now: number): RatedMiner["scoreParts"] {
  const need = { columns: 1, fragmentsPerColumn: 1 };
  const { trust, seconds, cost } = explain(record, { exclude: new Set(), need, now }, false, policy);
  return { trust: trust.mean, transferSeconds: seconds.transfer, queueSeconds: seconds.queue, cost };
}

export function standingOf(record: MinerRecord, now: number): RatedMiner["standing"] {
  if (record.quarantine !== null) return "quarantined";
  if (record.chainState !== "positive") return "unavailable";
  const phase = phaseOf(record.cooldown, now);
  return phase === "open" ? "cooldown" : phase === "half-open" ? "probing" : "available";
}
