import type { AccountId } from "@granary/primitives";
import type { Attempt, LockedDeal } from "../ports.js";

/** A report as the chain has it. */
export interface Report {
  readonly index: number;
  readonly miner: AccountId;
  readonly block: number;
}

/** Settles reports of an order that stands; of others there is nothing to settle yet. */
export function applyReports(deal: LockedDeal, reports: readonly Report[], attempts: readonly Attempt[]): void {
  for (const { index, miner, block } of reports) {
    if (deal.record.deal.state !== "placing") return;
    const wasGiven = attempts.some((attempt) => attempt.index === index && attempt.miner === miner);
    deal.apply({ kind: "reported", index, miner, block, isTwin: !wasGiven });
  }
}
