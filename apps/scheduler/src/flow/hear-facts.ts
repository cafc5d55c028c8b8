import type { EventHandlersFor, MessageOf } from "@granary/contracts";
import type { Transaction } from "@granary/database";
import type { DealStore, MinerPool } from "../ports.js";
import { applyReports } from "./apply-reports.js";

export interface FactPorts {
  readonly deals: Pick<DealStore, "open" | "openOf" | "attempts" | "change" | "nudge">;
  readonly miners: Pick<MinerPool, "mirror" | "judge">;
}

/**
 * What the scheduler does about each fact it hears of. Reports are taken as they come; whatever decides more (the file is
 * there, or gone, or somebody declared it) only has the deals looked at, against the chain itself: a message may be old.
 */
export function factHandlers(ports: FactPorts): EventHandlersFor<"scheduler", Transaction> {
  return {
    objectEncoded: (message, tx) => ports.deals.open(message, tx),
    columnReported: (message, tx) => hearReport(ports, message, tx),
    fileActivated: ({ fid }, tx) => ports.deals.nudge(fid, tx),
    fileDeleted: ({ fid }, tx) => ports.deals.nudge(fid, tx),
    dealRemoved: ({ fid }, tx) => ports.deals.nudge(fid, tx),
    dealDeclared: ({ fid }, tx) => ports.deals.nudge(fid, tx),
    minerChanged: (message, tx) => ports.miners.mirror(message, tx),
    fragmentCorrupt: async ({ miner, reason }, tx) => {
      await ports.miners.judge(miner, { kind: "corrupt", reason }, tx);
    },
  };
}

/** Only orders that stand have columns to report; the review makes up for a report that comes before we know that. */
async function hearReport(ports: FactPorts, message: MessageOf<"columnReported">, tx: Transaction): Promise<void> {
  for (const uploadId of await ports.deals.openOf(message.fid, tx)) {
    const attempts = await ports.deals.attempts(uploadId, tx);
    await ports.deals.change(uploadId, (deal) => applyReports(deal, [message], attempts), tx);
  }
}
