import type { Column } from "@granary/domain/deal";
import { decideResend, type MinerPolicy, type ReportPatience, reportPatienceMs } from "@granary/domain/miner";
import type { Budgets, Clock, DealStore, LockedDeal, MinerPool, Observer } from "../ports.js";

const BATCH = 100;

interface PassTimePorts {
  readonly deals: Pick<DealStore, "lapsed" | "tryChange">;
  readonly miners: Pick<MinerPool, "reportsOf">;
  readonly budgets: Pick<Budgets, "draw">;
  readonly observer: Pick<Observer, "braked">;
  readonly clock: Clock;
}

/**
 * Takes back columns whose sender or miner has let its time go by. Where too many reports are overdue at once, over all
 * replicas, those of miners that used to keep their word are waited for longer: the chain is likelier to be slow.
 */
export async function passTime(
  ports: PassTimePorts,
  rules: { readonly policy: MinerPolicy; readonly report: ReportPatience },
): Promise<"busy" | "idle"> {
  const lapsed = await ports.deals.lapsed(BATCH);
  for (const uploadId of lapsed) {
    await ports.deals.tryChange(uploadId, async (deal) => {
      for (const column of deal.record.deal.columns) await holdBack(ports, rules, deal, column);
      deal.apply({ kind: "time-passed" });
    });
  }
  return lapsed.length === BATCH ? "busy" : "idle";
}

async function holdBack(
  ports: PassTimePorts,
  { policy, report }: { readonly policy: MinerPolicy; readonly report: ReportPatience },
  deal: LockedDeal,
  column: Column,
): Promise<void> {
  const now = ports.clock();
  if (column.state !== "placed" || column.reportBy > now) return;
  const known = await ports.miners.reportsOf(column.miner);
  if (known === null) return;
  const patienceMs = reportPatienceMs(known.unreported, report, known.reporting);
  const overdue = { evidence: known.evidence, patienceMs };
  const decision = await ports.budgets.draw("redispatch", policy.brakeBurst, ({ tokens, at }) => {
    const { decision: result, brake } = decideResend(overdue, { bucket: { tokens }, at }, now, policy);
    return { tokens: brake.bucket.tokens, at: brake.at, result };
  });
  if (decision.resend) return;
  const { index, miner } = column;
  deal.apply({ kind: "patience-extended", index, miner, reportBy: decision.reportBy });
  ports.observer.braked();
}
