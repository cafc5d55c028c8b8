import type { CallsPort, ChainPort } from "../ports.js";
import { type SubmitPorts, settleTransaction, submitTransaction } from "./submit-transaction.js";

export interface RegisterPorts extends SubmitPorts {
  readonly chain: SubmitPorts["chain"] & Pick<ChainPort, "gateway">;
  readonly calls: Pick<CallsPort, "registerGateway" | "updateGateway">;
  readonly clock: () => number;
}

/** Puts the gateway's domain on chain, or brings it up to date. @returns whether it stands there by now */
export async function registerGateway(ports: RegisterPorts, domain: string): Promise<boolean> {
  const { account } = ports.signer;
  const known = await ports.chain.gateway(account, "best");
  if (known?.domain === domain) return true;
  const open = await ports.transactions.openFor("register", account);
  if (open !== null) {
    const settled = await settleTransaction(ports, open, ports.clock());
    if (settled === "prepared" || settled === "submitted") return false;
  }
  const call = known === null ? ports.calls.registerGateway(domain) : ports.calls.updateGateway(domain);
  const { outcome } = await submitTransaction(ports, { purpose: "register", reference: account, call });
  if (!outcome.ok) throw outcome.error;
  return true;
}
