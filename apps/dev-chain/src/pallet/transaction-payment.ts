import type { Hex } from "../engine/codec.js";
import type { Context, Pallet } from "../engine/dispatch.js";
import { stored } from "../engine/storage.js";
import { TCESS } from "../shape/version.js";
import type { Overlay } from "../store/overlay.js";
import { withdraw } from "./balances.js";

const baseFee = TCESS / 1000n;
const feePerByte = TCESS / 10n ** 8n;

/** Deterministic and known before inclusion: a base and the length; nothing is weighed, nothing is given back. */
export const feeOf = (lengthBytes: number): bigint => baseFee + feePerByte * BigInt(lengthBytes);
export const baseFeeOf = (): { base: bigint; perByte: bigint } => ({ base: baseFee, perByte: feePerByte });

/** @returns false where the account cannot pay and stay alive: then the transaction is invalid, not failed */
export function charge(context: Context, who: Hex, fee: bigint, tip: bigint): boolean {
  return withdraw(context, who, fee + tip);
}

export function announceFee(context: Context, who: Hex, fee: bigint, tip: bigint): void {
  context.emit("TransactionPayment", "TransactionFeePaid", { who, actualFee: fee + tip, tip });
}

export function genesisPayment(state: Overlay): void {
  stored<bigint>("TransactionPayment", "NextFeeMultiplier").put(state, 10n ** 18n);
  stored<string>("TransactionPayment", "StorageVersion").put(state, "V2");
}

export const transactionPayment: Pallet = { name: "TransactionPayment", calls: {} };
