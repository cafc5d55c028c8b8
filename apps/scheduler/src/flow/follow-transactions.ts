import type { Clock } from "../ports.js";
import { type SubmitPorts, settleTransaction } from "./submit-transaction.js";

const BATCH = 50;

/** Looks after open transactions that nobody waits for any more, until each is final, failed or lost. */
export async function followTransactions(ports: SubmitPorts & { readonly clock: Clock }): Promise<"busy" | "idle"> {
  const stale = await ports.transactions.claimStale(BATCH);
  for (const record of stale) await settleTransaction(ports, record, ports.clock());
  return stale.length === BATCH ? "busy" : "idle";
}
