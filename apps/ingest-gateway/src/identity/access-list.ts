import { parseAccount } from "@granary/chain-client/accounts";
import { type AccountId, CodedError } from "@granary/primitives";

/** Whom this gateway serves. @throws CodedError ACCESS_DENIED (denied) */
export type AccessCheck = (account: AccountId) => void;

export function createAccessCheck(options: {
  readonly mode: "public" | "private";
  readonly listed: readonly string[];
  readonly always: readonly string[];
}): AccessCheck {
  const listed = new Set(options.listed.map(parseAccount));
  const always = new Set(options.always.map(parseAccount));
  return (account) => {
    if (always.has(account)) return;
    // Public: the list names who stays out; private: who may come in.
    if (listed.has(account) === (options.mode === "private")) return;
    throw new CodedError("ACCESS_DENIED", "denied", "this gateway does not serve the account", { account });
  };
}
