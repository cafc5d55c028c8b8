import type { Hex } from "../engine/codec.js";
import { type Context, ensure, ensureRoot, fail, type Handler, handler, signer } from "../engine/dispatch.js";
import { storedMaybeMap } from "../engine/storage.js";
import { cancel, schedule } from "./agenda.js";
import { freeOf, reserve, transfer, unreserve } from "./balances.js";
import { oneDay, territories, territoryKeys, territoryOf } from "./territory.js";

const pallet = "StorageHandler";
/** Lease that must be left for a territory to be offered. */
const leaseMinBlocks = oneDay;
/** Blocks between buying and handing over, in which the buyer may step back. */
const lockingBlocks = 50;

interface Consignment {
  user: Hex;
  price: bigint;
  buyers: Hex | null;
  exec: number | null;
  locked: boolean;
}
export const consignments = storedMaybeMap<[Hex], Consignment>(pallet, "Consignment");

const consignmentOf = (context: Context, token: Hex): Consignment =>
  consignments.find(context.state, token) ?? fail(pallet, "NonExistentConsignment");

function offer(context: Context, owner: Hex, territoryName: Hex, price: bigint): void {
  const territory = territoryOf(context, owner, territoryName);
  ensure(territory.state === "Active", pallet, "NotActive");
  ensure(territory.remainingSpace === territory.totalSpace, pallet, "ObjectNotZero");
  ensure(territory.deadline - context.block > leaseMinBlocks, pallet, "InsufficientLease");
  ensure(!consignments.has(context.state, territory.token), pallet, "ConsignmentExisted");
  territory.state = "OnConsignment";
  territories.put(context.state, owner, territoryName, territory);
  const fresh = { user: owner, price, buyers: null, exec: null, locked: false };
  consignments.put(context.state, territory.token, fresh);
  context.emit(pallet, "Consignment", { name: territoryName, token: territory.token, price });
}

/** The price is set aside until the chain hands the territory over, by itself, or the buyer steps back. */
function buy(context: Context, buyer: Hex, token: Hex, rename: Hex): void {
  const consignment = consignmentOf(context, token);
  ensure(!consignment.locked, pallet, "ConsignmentLocked");
  ensure(consignment.user !== buyer, pallet, "OwnConsignment");
  reserve(context, buyer, consignment.price);
  const exec = context.block + lockingBlocks;
  consignments.put(context.state, token, { ...consignment, buyers: buyer, exec, locked: true });
  const value = { token, territoryName: rename };
  schedule(context, token, exec, { type: pallet, value: { type: "exec_consignment", value } });
  context.emit(pallet, "BuyConsignment", { name: rename, token, price: consignment.price });
}

/** Where the buyer has a territory of that name already, this one takes its place: the real chain's flaw, kept. */
function handOver(context: Context, token: Hex, territoryName: Hex): void {
  const { buyers: buyer, locked, price } = consignmentOf(context, token);
  if (buyer === null) fail(pallet, "Unexpected");
  ensure(locked, pallet, "ConsignmentUnLocked");
  ensure(freeOf(context, buyer) >= price, pallet, "InsufficientBalance");
  const [seller, oldName] = territoryKeys.find(context.state, token) ?? fail(pallet, "Unexpected");
  const territory = territories.find(context.state, seller, oldName) ?? fail(pallet, "Unexpected");
  ensure(territory.state === "OnConsignment", pallet, "Unexpected");
  territories.remove(context.state, seller, oldName);
  territories.put(context.state, buyer, territoryName, { ...territory, state: "Active" });
  territoryKeys.put(context.state, token, [buyer, territoryName]);
  consignments.remove(context.state, token);
  unreserve(context, buyer, price);
  transfer(context, buyer, seller, price, "alive");
  context.emit(pallet, "ExecConsignment", { buyer, seller, token });
}

function withdraw(context: Context, owner: Hex, territoryName: Hex): void {
  const territory = territoryOf(context, owner, territoryName);
  ensure(territory.state === "OnConsignment", pallet, "NotOnConsignment");
  ensure(!consignmentOf(context, territory.token).locked, pallet, "ConsignmentLocked");
  consignments.remove(context.state, territory.token);
  territories.put(context.state, owner, territoryName, { ...territory, state: "Active" });
  context.emit(pallet, "CancleConsignment", { token: territory.token });
}

function stepBack(context: Context, buyer: Hex, token: Hex): void {
  const consignment = consignmentOf(context, token);
  ensure(consignment.buyers === buyer, pallet, "NotBuyer");
  unreserve(context, buyer, consignment.price);
  consignments.put(context.state, token, { ...consignment, buyers: null, exec: null, locked: false });
  cancel(context, token);
  context.emit(pallet, "CancelPurchaseAction", { token });
}

/** Selling a territory to somebody else: offered, bought, and handed over after the lock time. */
export const consignmentCalls: Readonly<Record<string, Handler>> = {
  territory_consignment: handler((context, args: { territoryName: Hex; price: bigint }) =>
    offer(context, signer(context), args.territoryName, args.price),
  ),
  buy_consignment: handler((context, { token, rename }: { token: Hex; rename: Hex }) =>
    buy(context, signer(context), token, rename),
  ),
  exec_consignment: handler((context, { token, territoryName }: { token: Hex; territoryName: Hex }) => {
    ensureRoot(context);
    handOver(context, token, territoryName);
  }),
  cancel_consignment: handler((context, { territoryName }: { territoryName: Hex }) =>
    withdraw(context, signer(context), territoryName),
  ),
  cancel_purchase_action: handler((context, { token }: { token: Hex }) => stepBack(context, signer(context), token)),
};
