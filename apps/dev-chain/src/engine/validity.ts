import { existentialDeposit } from "../pallet/balances.js";
import { accountAt, blockHashes } from "../pallet/system.js";
import { feeOf } from "../pallet/transaction-payment.js";
import type { StateReader } from "../store/versioned-store.js";
import type { Hex } from "./codec.js";
import { eraBirth, isSignatureValid, type Signed, type Transaction } from "./transaction.js";

/** Why a transaction cannot be taken, with the words that nodes use. */
export const invalidReasons = {
  Call: "Transaction call is not expected",
  Payment: "Inability to pay some fees (e.g. account balance too low)",
  Stale: "Transaction is outdated",
  BadProof: "Transaction has a bad signature",
  AncientBirthBlock: "Transaction has an ancient birth block",
  ExhaustsResources: "Transaction would exhaust the block limits",
} as const;
export type InvalidReason = keyof typeof invalidReasons;

export type SignedTransaction = Transaction & { readonly signed: Signed };

export type Validity =
  | { readonly isValid: true; readonly isFuture: boolean; readonly diesAt: number }
  | { readonly isValid: false; readonly reason: InvalidReason };

const refuse = (reason: InvalidReason): Validity => ({ isValid: false, reason });

/** The state to judge by: that of the block with number `next - 1` and hash `parent`, or of block `next` as begun. */
export interface Ground {
  readonly state: StateReader;
  readonly next: number;
  readonly parent: Hex;
  readonly genesis: Hex;
}

/** Whether the transaction could be in block `next`. */
export function checkTransaction(ground: Ground, transaction: SignedTransaction, isSignatureKnown: boolean): Validity {
  const { state, next, parent, genesis } = ground;
  const { signed, bytes } = transaction;
  const birth = signed.era === null ? 0 : eraBirth(signed.era, next);
  const birthHash = birth === 0 ? genesis : birth === next - 1 ? parent : blockHashes.find(state, birth);
  if (birthHash === undefined) return refuse("AncientBirthBlock");
  if (!isSignatureKnown && !isSignatureValid(transaction, genesis, birthHash)) return refuse("BadProof");
  const account = accountAt(state, signed.account);
  if (signed.nonce < account.nonce) return refuse("Stale");
  if (account.data.free < feeOf(bytes.length) + signed.tip + existentialDeposit) return refuse("Payment");
  const diesAt = signed.era === null ? Number.POSITIVE_INFINITY : birth + signed.era.period;
  return { isValid: true, isFuture: signed.nonce > account.nonce, diesAt };
}
