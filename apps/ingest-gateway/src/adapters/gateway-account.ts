import type { Requester } from "@granary/messaging";
import type { AccountId } from "@granary/primitives";

/** Asks the scheduler which account signs, and remembers the answer for a while. */
export function createGatewayAccount(request: Requester, keepMs: number): () => Promise<AccountId> {
  let known: { account: AccountId; untilMs: number } | undefined;
  return async () => {
    if (known !== undefined && Date.now() < known.untilMs) return known.account;
    const { account } = await request("gatewayShow", {});
    known = { account, untilMs: Date.now() + keepMs };
    return account;
  };
}
