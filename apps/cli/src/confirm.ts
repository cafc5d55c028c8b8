import { createInterface } from "node:readline/promises";
import { CodedError } from "@granary/primitives";

export interface Spending {
  /** Do not ask. */
  readonly yes?: boolean;
  /** Most that may be paid, in the smallest unit. */
  readonly limit?: bigint;
}

/**
 * Asks somebody at a terminal whether to pay; scripts are not asked and set a limit instead.
 * @throws CodedError PRICE_OVER_LIMIT, PAYMENT_DECLINED (conflict)
 */
export async function agreeTo(price: bigint, shown: string, spending: Spending): Promise<void> {
  if (spending.limit !== undefined && price > spending.limit) {
    const message = `the price is over the limit: ${shown}`;
    throw new CodedError("PRICE_OVER_LIMIT", "conflict", message, { price: price.toString() });
  }
  if (spending.yes === true || !process.stdin.isTTY || !process.stderr.isTTY) return;
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question("Sign and pay? [y/N] ");
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    prompt.close();
  }
  throw new CodedError("PAYMENT_DECLINED", "conflict", "nothing was signed");
}
