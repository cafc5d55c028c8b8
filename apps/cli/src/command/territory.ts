import { CodedError, formatBytes } from "@granary/primitives";
import type { Context } from "../context.js";
import { table } from "../output.js";

const UNIT_DECIMALS = 18;

export const formatTokens = (amount: bigint): string => {
  const whole = amount / 10n ** BigInt(UNIT_DECIMALS);
  const rest = (amount % 10n ** BigInt(UNIT_DECIMALS)).toString().padStart(UNIT_DECIMALS, "0").slice(0, 4);
  return `${whole}.${rest} TCESS`;
};

/** @throws CodedError NUMBER_INVALID (invalid) */
export function positiveInteger(text: string, what: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value <= 0) {
    throw new CodedError("NUMBER_INVALID", "invalid", `${what} is a positive whole number, not "${text}"`);
  }
  return value;
}

/** Buys a territory, and lets the gateway store in the account's territories, where it may not yet. */
export async function buy(
  context: Context,
  name: string,
  options: { gib: string; days: string; authorize: boolean },
): Promise<void> {
  const gib = positiveInteger(options.gib, "--gib");
  const days = positiveInteger(options.days, "--days");
  const signer = await context.settings.signer();
  const result = await context.withChain(async ({ reader, writer, calls }) => {
    const before = await reader.freeBalance(signer.account);
    const inclusion = await writer.signAndFinalize(signer, calls.mintTerritory(name, gib, days));
    const paid = before - (await reader.freeBalance(signer.account));
    return { territory: name, gib, days, block: inclusion.block.number, paid: paid.toString() };
  });
  const authorized = options.authorize ? await authorizeGateway(context) : null;
  context.output.result(
    { ...result, authorized },
    `territory ${name}: ${gib} GiB for ${days} days, ${formatTokens(BigInt(result.paid))} paid, block ${result.block}`,
  );
}

/** Lets the gateway act for the account. Returns the gateway's account. */
export async function authorizeGateway(context: Context): Promise<string> {
  const signer = await context.settings.signer();
  const { account } = await context.gateway.call<{ account: string }>("/gateway");
  await context.withChain(async ({ reader, writer, calls }) => {
    const operators: readonly string[] = await reader.authorizations(signer.account);
    if (operators.includes(account)) return;
    await writer.signAndFinalize(signer, calls.authorize(account as never));
  });
  return account;
}

export async function list(context: Context, options: { account?: string }): Promise<void> {
  const account = options.account ?? (await context.settings.signer()).account;
  const territories = await context.withChain(({ reader }) => reader.territories(account as never));
  const rows = territories.map((one) => [
    one.name,
    one.state,
    formatBytes(one.totalBytes),
    formatBytes(one.usedBytes),
    formatBytes(one.lockedBytes),
    formatBytes(one.remainingBytes),
    String(one.deadlineBlock),
  ]);
  const head = ["NAME", "STATE", "TOTAL", "USED", "LOCKED", "FREE", "UNTIL BLOCK"];
  context.output.result(territories, rows.length === 0 ? "no territories" : table(head, rows));
}
