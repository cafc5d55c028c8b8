import type { ChainCall, ChainCalls, ChainClient, ChainReader, Signer, UnitPrice } from "@granary/chain-client";
import { CodedError } from "@granary/primitives";
import { agreeTo } from "./confirm.js";
import type { Context } from "./context.js";
import { formatTokens, parseTokens } from "./price.js";

export interface PayOptions {
  readonly yes?: boolean;
  readonly maxPrice?: string;
}

interface Plan {
  readonly what: string;
  readonly price: bigint;
  readonly call: ChainCall;
}

interface Means {
  readonly reader: ChainReader;
  readonly calls: ChainCalls;
  readonly signer: Signer;
}

/** Plans a call, shows what it costs, has it agreed to, signs, and tells what was paid once it is final. */
export async function pay(context: Context, options: PayOptions, plan: (means: Means) => Promise<Plan>) {
  const limit = options.maxPrice === undefined ? {} : { limit: parseTokens(options.maxPrice) };
  const signer = await context.settings.signer();
  return context.withChain(async ({ reader, writer, calls }) => {
    const { what, price, call } = await plan({ reader, calls, signer });
    const fee = await writer.estimateFee(signer, call);
    const shown = `${what}: ${formatTokens(price)} and a fee of about ${formatTokens(fee)}`;
    context.output.say(shown);
    await agreeTo(price + fee, shown, { yes: options.yes ?? false, ...limit });
    const before = await reader.freeBalance(signer.account);
    const inclusion = await writer.signAndFinalize(signer, call);
    const paid = before - (await reader.freeBalance(signer.account));
    return { what, block: inclusion.block.number, price: price.toString(), paid: paid.toString() };
  });
}

/** @throws CodedError SPACE_UNPRICED (conflict) */
export async function priceOfUnit(reader: ChainReader): Promise<UnitPrice> {
  const unitPrice = await reader.unitPrice();
  if (unitPrice === null) throw new CodedError("SPACE_UNPRICED", "conflict", "the chain has no price for space yet");
  return unitPrice;
}

/** Signs a call that costs its fee alone. @returns the block that it is in, final */
export async function sign(
  context: Context,
  callOf: (chain: ChainClient, signer: Signer) => ChainCall | Promise<ChainCall>,
): Promise<number> {
  const signer = await context.settings.signer();
  return context.withChain(async (chain) => {
    const inclusion = await chain.writer.signAndFinalize(signer, await callOf(chain, signer));
    return inclusion.block.number;
  });
}
