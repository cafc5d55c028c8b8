import type { UnitPrice } from "@granary/chain-client";
import { CodedError } from "@granary/primitives";

const TOKEN_DECIMALS = 18;
const TOKEN = 10n ** BigInt(TOKEN_DECIMALS);
const SHOWN_DECIMALS = 4;

/** Blocks of six seconds in a day: the chain counts the time of territories in them. */
export const BLOCKS_PER_DAY = 14_400;
/** Runtimes price a reactivation at a thirtieth of the unit price for each day. */
const REACTIVATION_PART = 30n;

export const formatTokens = (amount: bigint): string => {
  const rest = (amount % TOKEN).toString().padStart(TOKEN_DECIMALS, "0").slice(0, SHOWN_DECIMALS);
  return `${amount / TOKEN}.${rest} TCESS`;
};

/** "12.5" → the amount in the smallest unit. @throws CodedError AMOUNT_INVALID (invalid) */
export function parseTokens(text: string): bigint {
  const form = /^(\d{1,12})(?:\.(\d{1,18}))?$/.exec(text);
  if (form === null) {
    throw new CodedError("AMOUNT_INVALID", "invalid", `an amount is a number of TCESS like 12.5, not "${text}"`);
  }
  return BigInt(form[1] ?? "0") * TOKEN + BigInt((form[2] ?? "").padEnd(TOKEN_DECIMALS, "0"));
}

/** Price of so many GiB for so many days, in the smallest unit, on the chain that has this price. */
export const priceOfSpace = (unit: UnitPrice, gib: number, days: number): bigint =>
  BigInt(gib) * BigInt(days) * (unit.amount / BigInt(unit.days));

export const priceOfReactivation = (unit: UnitPrice, gib: number, days: number): bigint =>
  BigInt(gib) * BigInt(days) * (unit.amount / REACTIVATION_PART);

/** Days for which an expansion is charged: what is left, begun days counted whole. */
export const daysLeft = (deadlineBlock: number, nowBlock: number): number =>
  Math.max(0, Math.ceil((deadlineBlock - nowBlock) / BLOCKS_PER_DAY));
