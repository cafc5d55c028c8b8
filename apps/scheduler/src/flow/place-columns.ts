import type { Random } from "@granary/domain/miner";
import type { UploadId } from "@granary/primitives";
import type { Clock, DealStore, LockedDeal, MinerPool, MinerRecord, Observer } from "../ports.js";
import { type Assignment, type ChooseRules, chooseMiners } from "./choose-miners.js";
import { type Round, type SendPorts, type SendRules, sendColumns } from "./send-columns.js";

export interface PlacePorts extends SendPorts {
  readonly deals: Pick<DealStore, "tryChange" | "change" | "attempts" | "renewColumns">;
  readonly miners: Pick<MinerPool, "candidates" | "unreported">;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Pick<Observer, "relaxed" | "refusedMiners" | "fragmentSent">;
}

/** Pause before a column without a miner is looked at again. */
const SHORTFALL_PAUSE_MS = { least: 2_000, most: 30_000 };

/**
 * One round: gives every column that waits to a miner, under the deal's row lock, and sends them. A column whose miner
 * fails waits again, for a round that may begin while this one is still sending.
 */
export async function placeColumns(
  ports: PlacePorts,
  rules: ChooseRules & SendRules,
  uploadId: UploadId,
  stopping: AbortSignal,
): Promise<"sent" | "nothing-due"> {
  const [miners, attempts] = await Promise.all([ports.miners.candidates(), ports.deals.attempts(uploadId)]);
  const round = await ports.deals.tryChange(uploadId, (deal): Round | null => {
    if (deal.record.deal.state !== "placing") return null;
    const now = ports.clock();
    const due = deal.record.deal.columns.filter((column) => column.state === "pending" && column.notBefore <= now);
    if (due.length === 0) return null;
    const { random } = ports;
    const choice = chooseMiners(rules, { record: deal.record, due, attempts, miners, now, random });
    assign(ports, deal, choice.chosen, now + rules.leaseMs);
    if (choice.left.length > 0) postpone(ports, deal, choice, miners);
    return { record: deal.record, columns: choice.chosen };
  });
  if (round === null || round.columns.length === 0) return "nothing-due";
  await sendColumns(ports, rules, round, stopping);
  return "sent";
}

function assign(ports: PlacePorts, deal: LockedDeal, chosen: readonly Assignment[], leaseUntil: number): void {
  for (const { index, miner, reason, relaxations } of chosen) {
    deal.apply({ kind: "assigned", index, miner, leaseUntil, relaxations });
    deal.explain(index, reason);
    for (const dimension of relaxations) ports.observer.relaxed(dimension);
  }
}

function postpone(
  ports: PlacePorts,
  deal: LockedDeal,
  choice: ReturnType<typeof chooseMiners>,
  miners: readonly MinerRecord[],
): void {
  const now = ports.clock();
  const { least, most } = SHORTFALL_PAUSE_MS;
  const notBefore = Math.min(now + most, Math.max(now + least, choice.retryAt ?? now + most / 2));
  for (const index of choice.left) deal.apply({ kind: "postponed", index, notBefore });
  ports.observer.refusedMiners(choice.refused, choice.left.length);
  ports.log.warn("there are not enough miners for all columns of a deal", {
    uploadId: deal.record.uploadId,
    left: choice.left.length,
    known: miners.length,
    refused: choice.refused,
  });
}
