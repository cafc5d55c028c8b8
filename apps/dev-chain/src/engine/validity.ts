import { existentialDeposit } from "../pallet/balances.js";
import { accountAt, blockHashes } from "../pallet/system.js";
import { feeOf } from "../pallet/transaction-payment.js";
import type { Ground, InvalidReason, Validity } from "./engine.js";
import { runtimeIn } from "./runtime.js";
import { eraBirth, isSignatureValid, type Signed, type Transaction } from "./transaction.js";

export type SignedTransaction = Transaction & { readonly signed: Signed };

const refuse = (reason: InvalidReason): Validity => ({ isValid: false, reason });

/** Whether the transaction could be in the block after `ground`, whose state may be that of the next as begun. */
export function checkTransaction(ground: Ground, transaction: SignedTransaction, isSignatureKnown: boolean): Validity {
  const { state, block, genesis } = ground;
  const next = block.header.number + 1;
  const { signed, bytes } = transaction;
  const birth = signed.era === null ? 0 : eraBirth(signed.era, next);
  const birthHash = birth === 0 ? genesis : birth === next - 1 ? block.hash : blockHashes.find(state, birth);
  if (birthHash === undefined) return refuse("AncientBirthBlock");
  const implied = { version: runtimeIn(state).version, genesis, birth: birthHash };
  if (!isSignatureKnown && !isSignatureValid(transaction, implied)) return refuse("BadProof");
  const account = accountAt(state, signed.account);
  if (signed.nonce < account.nonce) return refuse("Stale");
  if (account.data.free < feeOf(bytes.length) + signed.tip + existentialDeposit) return refuse("Payment");
  const diesAt = signed.era === null ? Number.POSITIVE_INFINITY : birth + signed.era.period;
  return { isValid: true, isFuture: signed.nonce > account.nonce, diesAt };
}
