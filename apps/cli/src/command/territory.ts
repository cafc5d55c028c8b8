import type { ChainCall, ChainCalls, ChainReader, Territory, UnitPrice } from "@granary/chain-client";
import { parseAccount } from "@granary/chain-client";
import { CodedError, formatBytes, GiB } from "@granary/primitives";
import type { Context } from "../context.js";
import { positiveInteger } from "../number.js";
import { table } from "../output.js";
import { type PayOptions, pay, priceOfUnit, sign } from "../pay.js";
import { daysLeft, formatTokens, priceOfReactivation, priceOfSpace } from "../price.js";
import { authorizeGateway } from "./gateway.js";

export async function ownedBy(reader: ChainReader, account: Territory["account"], name: string): Promise<Territory> {
  const territory = await reader.territory(account, name);
  if (territory === null) {
    throw new CodedError("TERRITORY_UNKNOWN", "absent", `${account} has no territory "${name}"`, { territory: name });
  }
  return territory;
}

const gibOf = (territory: Territory): number => territory.totalBytes / GiB;
const paidText = ({ what, paid, block }: { what: string; paid: string; block: number }): string =>
  `${what}: ${formatTokens(BigInt(paid))} paid, block ${block}`;

/** Buys a territory, and lets the gateway store in the account's territories, where it may not yet. */
export async function buy(
  context: Context,
  name: string,
  options: PayOptions & { gib: string; days: string; authorize: boolean },
): Promise<void> {
  const gib = positiveInteger(options.gib, "--gib");
  const days = positiveInteger(options.days, "--days");
  const { what, ...result } = await pay(context, options, async ({ reader, calls }) => ({
    what: `territory ${name}, ${gib} GiB for ${days} days`,
    price: priceOfSpace(await priceOfUnit(reader), gib, days),
    call: calls.mintTerritory(name, gib, days),
  }));
  const authorized = options.authorize ? await authorizeGateway(context) : null;
  context.output.result({ territory: name, gib, days, ...result, authorized }, paidText({ what, ...result }));
}

export async function expand(context: Context, name: string, options: PayOptions & { gib: string }): Promise<void> {
  const gib = positiveInteger(options.gib, "--gib");
  const { what, ...result } = await pay(context, options, async ({ reader, calls, signer }) => {
    const { deadlineBlock } = await ownedBy(reader, signer.account, name);
    const days = daysLeft(deadlineBlock, (await reader.finalizedHead()).number);
    return {
      what: `${gib} GiB more for territory ${name}, for the ${days} days that are left`,
      price: priceOfSpace(await priceOfUnit(reader), gib, days),
      call: calls.expandTerritory(name, gib),
    };
  });
  context.output.result({ territory: name, gib, ...result }, paidText({ what, ...result }));
}

/** Longer, before it ends or while it is frozen; `reactivate` is for a territory that has expired. */
export async function renew(context: Context, name: string, options: PayOptions & { days: string }): Promise<void> {
  await extend(context, name, options, {
    what: "more for territory",
    price: priceOfSpace,
    call: (calls, days) => calls.renewTerritory(name, days),
  });
}

export async function reactivate(
  context: Context,
  name: string,
  options: PayOptions & { days: string },
): Promise<void> {
  await extend(context, name, options, {
    what: "again for expired territory",
    price: priceOfReactivation,
    call: (calls, days) => calls.reactivateTerritory(name, days),
  });
}

async function extend(
  context: Context,
  name: string,
  options: PayOptions & { days: string },
  how: {
    readonly what: string;
    readonly price: (unit: UnitPrice, gib: number, days: number) => bigint;
    readonly call: (calls: ChainCalls, days: number) => ChainCall;
  },
): Promise<void> {
  const days = positiveInteger(options.days, "--days");
  const { what, ...result } = await pay(context, options, async ({ reader, calls, signer }) => ({
    what: `${days} days ${how.what} ${name}`,
    price: how.price(await priceOfUnit(reader), gibOf(await ownedBy(reader, signer.account, name)), days),
    call: how.call(calls, days),
  }));
  context.output.result({ territory: name, days, ...result }, paidText({ what, ...result }));
}

export async function rename(context: Context, from: string, to: string): Promise<void> {
  const block = await sign(context, ({ calls }) => calls.renameTerritory(from, to));
  context.output.result({ territory: to, renamedFrom: from, block }, `territory ${from} is ${to} now, block ${block}`);
}

/** Gives an empty territory to another account, which finds it under another name: its token. */
export async function grant(context: Context, name: string, to: string): Promise<void> {
  const receiver = parseAccount(to);
  const signer = await context.settings.signer();
  const { block, granted } = await context.withChain(async ({ reader, writer, calls }) => {
    const { token } = await ownedBy(reader, signer.account, name);
    const inclusion = await writer.signAndFinalize(signer, calls.grantTerritory(name, receiver));
    const found = await reader.territoryOfToken(token, inclusion.block.hash);
    return { block: inclusion.block.number, granted: found?.name ?? token };
  });
  context.output.result(
    { territory: granted, grantedFrom: name, receiver, block },
    `territory ${name} belongs to ${receiver} now, who finds it as ${granted}, block ${block}`,
  );
}

const accountOf = async (context: Context, options: { account?: string }) =>
  options.account === undefined ? (await context.settings.signer()).account : parseAccount(options.account);

export async function show(context: Context, name: string, options: { account?: string }): Promise<void> {
  const account = await accountOf(context, options);
  const { territory, now } = await context.withChain(async ({ reader }) => ({
    territory: await ownedBy(reader, account, name),
    now: (await reader.finalizedHead()).number,
  }));
  const days = daysLeft(territory.deadlineBlock, now);
  const lines = [
    ["name", territory.name],
    ["owner", territory.account],
    ["state", territory.state],
    ["token", territory.token],
    ["space", formatBytes(territory.totalBytes)],
    ["used", formatBytes(territory.usedBytes)],
    ["locked", `${formatBytes(territory.lockedBytes)} (orders under way)`],
    ["free", formatBytes(territory.remainingBytes)],
    ["until", `block ${territory.deadlineBlock}, ${days} days from block ${now}`],
  ] as const;
  const text = lines.map(([label, value]) => `${label.padEnd(7)} ${value}`).join("\n");
  context.output.result({ ...territory, finalizedBlock: now, daysLeft: days }, text);
}

export async function list(context: Context, options: { account?: string }): Promise<void> {
  const account = await accountOf(context, options);
  const territories = await context.withChain(({ reader }) => reader.territories(account));
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
