import { CodedError } from "@granary/primitives";

const TOKEN_DECIMALS = 18;
const TOKEN = 10n ** BigInt(TOKEN_DECIMALS);
const SHOWN_DECIMALS = 4;

/** Blocks of six seconds in a day: the chain counts the time of territories in them. */
export const BLOCKS_PER_DAY = 14_400;
/** From this runtime on the unit price is for a GiB and a day; before, for a GiB and thirty days. */
const DAILY_PRICE_SINCE = 126;
const DAYS_PER_MONTH = 30n;

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

/** What space costs on the chain that is connected. */
export interface Tariff {
  /** The chain's `UnitPrice`, in the smallest unit. */
  readonly unitPrice: bigint;
  readonly specVersion: number;
}

/** Price of so many GiB for so many days, in the smallest unit. */
export function priceOfSpace({ unitPrice, specVersion }: Tariff, gib: number, days: number): bigint {
  const perDay = BigInt(gib) * BigInt(days) * unitPrice;
  return specVersion >= DAILY_PRICE_SINCE ? perDay : perDay / DAYS_PER_MONTH;
}

/** Runtimes price a reactivation at a thirtieth of a purchase for the same time. */
export const priceOfReactivation = (tariff: Tariff, gib: number, days: number): bigint =>
  tariff.specVersion >= DAILY_PRICE_SINCE
    ? priceOfSpace(tariff, gib, days) / DAYS_PER_MONTH
    : priceOfSpace(tariff, gib, days);

/** Days for which an expansion is charged: what is left, begun days counted whole. */
export const daysLeft = (deadlineBlock: number, nowBlock: number): number =>
  Math.max(0, Math.ceil((deadlineBlock - nowBlock) / BLOCKS_PER_DAY));
