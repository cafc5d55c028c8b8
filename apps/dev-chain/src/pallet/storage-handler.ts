import type { Hex } from "../engine/codec.js";
import { type Context, ensure, ensureRoot, fail, handler, type Pallet, signer } from "../engine/dispatch.js";
import { storedMaybeMap } from "../engine/storage.js";
import { TCESS } from "../shape/version.js";
import { freeOf, transfer } from "./balances.js";
import { spaceProceeds } from "./cess-treasury.js";
import { consignmentCalls, consignments } from "./consignment.js";
import { queueClearing } from "./file-store.js";
import {
  chance,
  createTerritory,
  expiring,
  frozenDays,
  GiB,
  oneDay,
  passDeadlines,
  purchase,
  scheduleFreeze,
  type Territory,
  territories,
  territoryKeys,
  territoryOf,
  totalService,
  unitPrice,
  unscheduleFreeze,
} from "./territory.js";

const name = "StorageHandler";
const daysMin = 30;
/** What `update_price` sets. */
const usualPrice = 30n * TCESS;
const oneHourBlocks = 600;
const blocksPerMinuteOfOrder = 6;

interface Order {
  readonly territoryName: Hex;
  readonly pay: bigint;
  readonly gibCount: number;
  readonly days: number;
  readonly expired: number;
  readonly targetAcc: Hex;
  readonly orderType: "Buy" | "Expansion" | "Renewal";
}
const orders = storedMaybeMap<[Hex], Order>(name, "PayOrder");

const pricePerGibDay = (context: Context): bigint => unitPrice.find(context.state) ?? fail(name, "BugInvalid");
const priceOf = (context: Context, gibCount: bigint, days: number): bigint =>
  gibCount * BigInt(days) * pricePerGibDay(context);
const gibOf = (territory: Territory): bigint => territory.totalSpace / GiB;

function pay(context: Context, payer: Hex, price: bigint): void {
  ensure(freeOf(context, payer) >= price, name, "InsufficientBalance");
  transfer(context, payer, spaceProceeds, price, "alive");
}

/** What the call's event says besides the name; an order that does the same has none of these events. */
function mint(context: Context, payer: Hex, owner: Hex, territoryName: Hex, gibCount: number, days: number) {
  ensure(days >= daysMin, name, "BoundariesNotMet");
  const { token, totalSpace } = createTerritory(context, owner, territoryName, gibCount, days);
  const spend = priceOf(context, BigInt(gibCount), days);
  pay(context, payer, spend);
  return { token, storageCapacity: totalSpace, spend };
}

/** Days that are left, begun ones counted whole: what an expansion is charged for. */
const daysLeft = (context: Context, territory: Territory): number =>
  Math.max(0, Math.ceil((territory.deadline - context.block) / oneDay));

function expand(context: Context, payer: Hex, owner: Hex, territoryName: Hex, gibCount: number) {
  const territory = territoryOf(context, owner, territoryName);
  ensure(territory.state === "Active", name, "NotActive");
  const expansionSpace = BigInt(gibCount) * GiB;
  purchase(context, expansionSpace);
  const spend = priceOf(context, BigInt(gibCount), daysLeft(context, territory));
  pay(context, payer, spend);
  territory.totalSpace += expansionSpace;
  territory.remainingSpace += expansionSpace;
  territories.put(context.state, owner, territoryName, territory);
  return { expansionSpace, spend };
}

function renew(context: Context, payer: Hex, owner: Hex, territoryName: Hex, days: number) {
  const territory = territoryOf(context, owner, territoryName);
  ensure(territory.state === "Active" || territory.state === "Frozen", name, "StateError");
  const spend = priceOf(context, gibOf(territory), days);
  pay(context, payer, spend);
  unscheduleFreeze(context, territory.deadline, territory.token);
  if (territory.state === "Frozen") {
    expiring.remove(context.state, territory.deadline + frozenDays, territory.token);
    territory.start = context.block;
    territory.state = "Active";
  }
  territory.deadline = Math.max(territory.deadline, context.block) + days * oneDay;
  scheduleFreeze(context, territory.deadline, territory.token);
  territories.put(context.state, owner, territoryName, territory);
  return { days, spend };
}

/** The runtime prices a reactivation at a thirtieth of a mint; kept as it is. */
const reactivationDivisor = 30n;

function reactivate(context: Context, payer: Hex, owner: Hex, territoryName: Hex, days: number): void {
  const territory = territoryOf(context, owner, territoryName);
  ensure(territory.state === "Expired", name, "NotExpire");
  const spend = priceOf(context, gibOf(territory), days) / reactivationDivisor;
  purchase(context, territory.totalSpace);
  pay(context, payer, spend);
  const deadline = context.block + days * oneDay;
  territories.put(context.state, owner, territoryName, {
    ...territory,
    usedSpace: 0n,
    lockedSpace: 0n,
    remainingSpace: territory.totalSpace,
    start: context.block,
    deadline,
    state: "Active",
  });
  scheduleFreeze(context, deadline, territory.token);
  context.emit(name, "ReactivateTerritory", { name: territoryName, days, spend });
}

/** Moves an empty, active territory to another owner or name. */
function move(context: Context, owner: Hex, oldName: Hex, newOwner: Hex, newName: Hex): void {
  const territory = territoryOf(context, owner, oldName);
  ensure(territory.state === "Active", name, "NotActive");
  ensure(territory.remainingSpace === territory.totalSpace, name, "ObjectNotZero");
  territories.remove(context.state, owner, oldName);
  territories.put(context.state, newOwner, newName, territory);
  territoryKeys.put(context.state, territory.token, [newOwner, newName]);
}

function createOrder(context: Context, order: Omit<Order, "pay">): void {
  const expiredBlocks = order.expired * blocksPerMinuteOfOrder;
  ensure(expiredBlocks < oneHourBlocks, name, "ParamError");
  const territory = territories.find(context.state, order.targetAcc, order.territoryName);
  if (order.orderType === "Buy") ensure(territory === undefined, name, "PurchasedSpace");
  else ensure(territory !== undefined, name, "NotHaveTerritory");
  const cost = {
    Buy: () => priceOf(context, BigInt(order.gibCount), order.days),
    Expansion: () => priceOf(context, BigInt(order.gibCount), daysLeft(context, territory!)),
    Renewal: () => priceOf(context, gibOf(territory!), order.days),
  }[order.orderType]();
  const orderHash = chance(context, order.targetAcc, order.territoryName);
  orders.put(context.state, orderHash, { ...order, pay: cost, expired: context.block + expiredBlocks });
  context.emit(name, "CreatePayOrder", { orderHash });
}

/**
 * The signer pays today's price for somebody else's order; a price that moved since makes the order invalid. It stays:
 * until it ends, a renewal or an expansion can be paid for again.
 */
function execOrder(context: Context, payer: Hex, orderId: Hex): void {
  const order = orders.find(context.state, orderId) ?? fail(name, "NoOrder");
  ensure(order.expired > context.block, name, "OrderExpired");
  const before = freeOf(context, payer);
  const { targetAcc, territoryName, gibCount, days } = order;
  if (order.orderType === "Buy") mint(context, payer, targetAcc, territoryName, gibCount, days);
  if (order.orderType === "Expansion") expand(context, payer, targetAcc, territoryName, gibCount);
  if (order.orderType === "Renewal") renew(context, payer, targetAcc, territoryName, days);
  ensure(before - freeOf(context, payer) === order.pay, name, "InvalidOrder");
  context.emit(name, "PaidOrder", { orderHash: orderId });
}

interface Named {
  readonly territoryName: Hex;
}

export const storageHandler: Pallet = {
  name,
  initialize: (context) =>
    passDeadlines(context, {
      frozen: (token) => consignments.remove(context.state, token),
      expired: (owner, territoryName) => queueClearing(context, owner, territoryName),
    }),
  calls: {
    ...consignmentCalls,
    mint_territory: handler((context, args: Named & { gibCount: number; days: number }) => {
      const owner = signer(context);
      const minted = mint(context, owner, owner, args.territoryName, args.gibCount, args.days);
      context.emit(name, "MintTerritory", { name: args.territoryName, ...minted });
    }),
    expanding_territory: handler((context, { territoryName, gibCount }: Named & { gibCount: number }) => {
      const owner = signer(context);
      const expanded = expand(context, owner, owner, territoryName, gibCount);
      context.emit(name, "ExpansionTerritory", { name: territoryName, ...expanded });
    }),
    renewal_territory: handler((context, { territoryName, days }: Named & { days: number }) => {
      const owner = signer(context);
      const renewed = renew(context, owner, owner, territoryName, days);
      context.emit(name, "RenewalTerritory", { name: territoryName, ...renewed });
    }),
    reactivate_territory: handler((context, { territoryName, days }: Named & { days: number }) => {
      const owner = signer(context);
      reactivate(context, owner, owner, territoryName, days);
    }),
    other_reactivate_territory: handler((context, args: Named & { targetAcc: Hex; days: number }) => {
      reactivate(context, signer(context), args.targetAcc, args.territoryName, args.days);
    }),
    /** The receiver finds it under the 32 bytes of its token, not under the name it had. */
    territory_grants: handler((context, { territoryName, receiver }: Named & { receiver: Hex }) => {
      const owner = signer(context);
      move(context, owner, territoryName, receiver, territoryOf(context, owner, territoryName).token);
    }),
    territory_rename: handler((context, { oldName, newName }: { oldName: Hex; newName: Hex }) => {
      const owner = signer(context);
      ensure(!territories.has(context.state, owner, newName), name, "DuplicateName");
      move(context, owner, oldName, owner, newName);
    }),
    create_order: handler((context, order: Omit<Order, "pay">) => {
      signer(context);
      createOrder(context, order);
    }),
    exec_order: handler((context, { orderId }: { orderId: Hex }) => execOrder(context, signer(context), orderId)),
    update_price: handler((context) => {
      ensureRoot(context);
      unitPrice.put(context.state, usualPrice);
    }),
    clear_service_space: handler((context) => {
      ensureRoot(context);
      totalService.put(context.state, 0n);
    }),
    fix_territory_space_for_reactivate: handler((context, { acc, tname }: { acc: Hex; tname: Hex }) => {
      ensureRoot(context);
      const territory = territoryOf(context, acc, tname);
      territories.put(context.state, acc, tname, { ...territory, remainingSpace: territory.totalSpace });
    }),
    define_update_price: handler((context, { price }: { price: bigint }) => {
      ensureRoot(context);
      unitPrice.put(context.state, price);
    }),
    /** Root moves a deadline: how tests reach it without making the blocks between. */
    update_user_territory_life: handler((context, args: { user: Hex; terrName: Hex; deadline: number }) => {
      ensureRoot(context);
      const territory = territoryOf(context, args.user, args.terrName);
      unscheduleFreeze(context, territory.deadline, territory.token);
      territory.deadline = args.deadline;
      scheduleFreeze(context, args.deadline, territory.token);
      territories.put(context.state, args.user, args.terrName, territory);
    }),
    update_expired_exec: handler((context, args: { oldBlock: number; newBlock: number; token: Hex }) => {
      ensureRoot(context);
      expiring.remove(context.state, args.oldBlock, args.token);
      expiring.put(context.state, args.newBlock, args.token, true);
    }),
  },
};
