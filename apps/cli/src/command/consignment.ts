import type { At, ChainReader, Consignment, Signer } from "@granary/chain-client";
import { CodedError, formatBytes } from "@granary/primitives";
import type { Context } from "../context.js";
import { table } from "../output.js";
import { type PayOptions, pay, sign } from "../pay.js";
import { daysLeft, formatTokens, parseTokens } from "../price.js";
import { ownedBy } from "./territory.js";

/** Offers an empty territory to whoever pays the price. */
export async function consign(context: Context, name: string, options: { price: string }): Promise<void> {
  const price = parseTokens(options.price);
  let token = "";
  const block = await sign(context, async ({ reader, calls }, { account }) => {
    ({ token } = await ownedBy(reader, account, name));
    return calls.consignTerritory(name, price);
  });
  context.output.result(
    { territory: name, token, price: price.toString(), block },
    `territory ${name} is for sale at ${formatTokens(price)}, block ${block}; its token is ${token}`,
  );
}

export async function cancelConsignment(context: Context, name: string): Promise<void> {
  const block = await sign(context, ({ calls }) => calls.cancelConsignment(name));
  context.output.result({ territory: name, block }, `territory ${name} is no longer for sale, block ${block}`);
}

export async function listConsigned(context: Context): Promise<void> {
  const { offers, now } = await context.withChain(async ({ reader }) => {
    const head = await reader.finalizedHead();
    const found = [];
    for await (const page of reader.consignments(head.hash)) {
      for (const offer of page) found.push({ ...offer, territory: await territoryOf(reader, offer.token, head.hash) });
    }
    return { offers: found, now: head.number };
  });
  const rows = offers.map(({ token, price, sold, territory }) => [
    token,
    formatTokens(price),
    territory === null ? "–" : formatBytes(territory.totalBytes),
    territory === null ? "–" : String(daysLeft(territory.deadlineBlock, now)),
    sold === null ? "for sale" : `sold, handed over in block ${sold.block}`,
  ]);
  const text =
    rows.length === 0 ? "no territory is for sale" : table(["TOKEN", "PRICE", "SPACE", "DAYS", "STATE"], rows);
  context.output.result(
    offers.map((offer) => ({ ...offer, price: offer.price.toString() })),
    text,
  );
}

async function territoryOf(reader: ChainReader, token: string, at: At) {
  const key = await reader.territoryOfToken(token, at);
  return key === null ? null : reader.territory(key.account, key.name, at);
}

/**
 * Reserves the price; the chain hands the territory over some blocks later. What the chain does not see to is looked at
 * before: it would put the territory in the place of one that has this name, and would not hand it over to a buyer who
 * has not the price once more beside what is reserved.
 */
export async function buyConsigned(
  context: Context,
  token: string,
  options: PayOptions & { name: string },
): Promise<void> {
  const { name } = options;
  const { what, block, price } = await pay(context, options, async ({ reader, calls, signer }) => {
    const offer = await offerOf(reader, token);
    await refuseUnfit(reader, signer, offer, name);
    return {
      what: `territory ${name}, by the consignment ${token}`,
      price: offer.price,
      call: calls.buyConsignment(token, name),
    };
  });
  const bought = await context.withChain(({ reader }) => reader.consignment(token));
  const handover = bought?.sold?.block ?? null;
  context.output.result(
    { territory: name, token, price, block, handoverBlock: handover },
    `${what}: ${formatTokens(BigInt(price))} reserved, block ${block}; handed over in block ${handover}`,
  );
}

async function offerOf(reader: ChainReader, token: string): Promise<Consignment> {
  if (!/^0x[0-9a-f]{64}$/.test(token)) {
    throw new CodedError("TOKEN_INVALID", "invalid", "a token is 0x and 64 hexadecimal digits");
  }
  const offer = await reader.consignment(token);
  if (offer === null) {
    throw new CodedError("CONSIGNMENT_UNKNOWN", "absent", `no territory is for sale under ${token}`, { token });
  }
  return offer;
}

/** @throws CodedError TERRITORY_EXISTS (conflict), BALANCE_TOO_LOW (exhausted) */
export async function refuseUnfit(
  reader: Pick<ChainReader, "territory" | "freeBalance">,
  signer: Pick<Signer, "account">,
  offer: Pick<Consignment, "price">,
  name: string,
): Promise<void> {
  if ((await reader.territory(signer.account, name)) !== null) {
    const message = `there is a territory ${name} of yours, which this one would replace with all that is in it`;
    throw new CodedError("TERRITORY_EXISTS", "conflict", message, { territory: name });
  }
  const free = await reader.freeBalance(signer.account);
  if (free < 2n * offer.price) {
    const message = `the chain hands it over to who has the price twice: ${formatTokens(2n * offer.price)}`;
    throw new CodedError("BALANCE_TOO_LOW", "exhausted", message, { free: free.toString() });
  }
}

export async function cancelPurchase(context: Context, token: string): Promise<void> {
  const block = await sign(context, async ({ reader, calls }) => {
    await offerOf(reader, token);
    return calls.cancelPurchase(token);
  });
  context.output.result({ token, block }, `the purchase of ${token} is called off, block ${block}`);
}
