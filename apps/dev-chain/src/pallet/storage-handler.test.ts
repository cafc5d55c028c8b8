import { beforeEach, describe, expect, it } from "@jest/globals";
import { World, withMiners } from "../../test/world.js";
import { accountFrom } from "../engine/account.js";
import { textHex } from "../engine/codec.js";
import { TCESS } from "../shape/version.js";
import { accountAt } from "./system.js";
import { expiring, purchased, type Territory, territories, territoryKeys } from "./territory.js";

const GiB = 1n << 30n;
const bob = accountFrom("//Bob");
const home = textHex("home");

let world: World;
const territoryOf = (owner = "//Bob", name = "home"): Territory | undefined =>
  territories.find(world.store, accountFrom(owner), textHex(name));
const mint = (who = "//Bob", name = "home", gibCount = 2, days = 30) =>
  world.run(who, "StorageHandler.mint_territory", { gibCount, territoryName: textHex(name), days });
const freeOf = (who: string): bigint => accountAt(world.store, accountFrom(who)).data.free;
/** What a call took from the caller besides its fee. */
function spent(who: string, run: () => unknown): bigint {
  const before = freeOf(who);
  run();
  const fee = world.lastEvent<{ actualFee: bigint }>("TransactionPayment.TransactionFeePaid").actualFee;
  return before - freeOf(who) - fee;
}
const setDeadline = (deadline: number) =>
  world.root("StorageHandler.update_user_territory_life", { user: bob, terrName: home, deadline });
const freeze = () => {
  setDeadline(world.block + 2);
  world.pass(1);
};
const expire = () => {
  freeze();
  const { token } = territoryOf()!;
  const oldBlock = world.block + 100_800;
  world.root("StorageHandler.update_expired_exec", { oldBlock, newBlock: world.block + 2, token });
  world.pass(1);
};

beforeEach(async () => {
  world = await World.create(withMiners);
});

describe("minting", () => {
  it("sells so many GiB for so many days at the unit price", () => {
    expect(spent("//Bob", () => mint())).toBe(60n * TCESS);
    expect(territoryOf()).toMatchObject({
      totalSpace: 2n * GiB,
      remainingSpace: 2n * GiB,
      usedSpace: 0n,
      lockedSpace: 0n,
      start: world.block,
      deadline: world.block + 30 * 14_400,
      state: "Active",
    });
    expect(purchased.get(world.store)).toBe(2n * GiB);
    expect(territoryKeys.find(world.store, territoryOf()!.token)).toEqual([bob, home]);
    expect(world.lastEvent("StorageHandler.MintTerritory")).toEqual({
      token: territoryOf()!.token,
      name: home,
      storageCapacity: 2n * GiB,
      spend: 60n * TCESS,
    });
  });

  it("is for thirty days at least", () => {
    expect(mint("//Bob", "home", 1, 29).error).toBe("StorageHandler.BoundariesNotMet");
  });

  it("wants a name that this owner has not, though another may", () => {
    mint();
    expect(mint().error).toBe("StorageHandler.PurchasedSpace");
    expect(mint("//Dave").error).toBeNull();
    expect(territoryOf("//Dave")!.token).not.toBe(territoryOf()!.token);
  });

  it("sells no more than the miners have", () => {
    // Thirteen miners with 16 GiB each.
    expect(mint("//Bob", "large", 209).error).toBe("StorageHandler.InsufficientAvailableSpace");
    expect(mint("//Bob", "whole", 208).error).toBeNull();
    expect(mint("//Bob", "more", 1).error).toBe("StorageHandler.InsufficientAvailableSpace");
  });

  it("wants the money, and takes nothing of a sale that fails", () => {
    expect(world.root("StorageHandler.define_update_price", { price: TCESS * 10n ** 9n }).error).toBeNull();
    expect(spent("//Bob", () => expect(mint().error).toBe("StorageHandler.InsufficientBalance"))).toBe(0n);
    expect(purchased.get(world.store)).toBe(0n);
    expect(territoryOf()).toBeUndefined();
  });
});

describe("expanding", () => {
  const expand = (gibCount: number) =>
    world.run("//Bob", "StorageHandler.expanding_territory", { territoryName: home, gibCount });

  it("is charged for the days that are left, begun ones whole", () => {
    mint();
    expect(spent("//Bob", () => expand(3))).toBe(3n * 30n * TCESS);
    setDeadline(world.block + 1 + 14_400 + 10);
    expect(spent("//Bob", () => expand(3))).toBe(3n * 2n * TCESS);
    expect(territoryOf()).toMatchObject({ totalSpace: 8n * GiB, remainingSpace: 8n * GiB });
    expect(purchased.get(world.store)).toBe(8n * GiB);
  });

  it("is refused to a territory that is not active, or not there", () => {
    expect(expand(1).error).toBe("StorageHandler.NotHaveTerritory");
    mint();
    freeze();
    expect(expand(1).error).toBe("StorageHandler.NotActive");
  });
});

describe("renewing", () => {
  const renew = (days: number) => world.run("//Bob", "StorageHandler.renewal_territory", { territoryName: home, days });

  it("moves the deadline of an active territory", () => {
    mint();
    const { deadline } = territoryOf()!;
    expect(spent("//Bob", () => renew(10))).toBe(20n * TCESS);
    expect(territoryOf()?.deadline).toBe(deadline + 10 * 14_400);
  });

  it("brings a frozen territory back, from now on, and it does not expire then", () => {
    mint();
    freeze();
    const { token, deadline } = territoryOf()!;
    expect(renew(1)).toEqual({ error: null, events: ["Balances.Transfer", "StorageHandler.RenewalTerritory"] });
    expect(territoryOf()).toMatchObject({ state: "Active", start: world.block, deadline: world.block + 14_400 });
    expect(expiring.has(world.store, deadline + 100_800, token)).toBe(false);
  });

  it("is refused after expiry", () => {
    mint();
    expire();
    expect(renew(1).error).toBe("StorageHandler.StateError");
  });
});

describe("the end of a lease", () => {
  it("freezes at the deadline and not a block earlier", () => {
    mint();
    setDeadline(world.block + 3);
    world.pass(1);
    expect(territoryOf()?.state).toBe("Active");
    world.pass(1);
    expect(territoryOf()?.state).toBe("Frozen");
    expect(purchased.get(world.store)).toBe(2n * GiB);
  });

  it("gives the space back to the network at expiry", () => {
    mint();
    expire();
    expect(territoryOf()?.state).toBe("Expired");
    expect(purchased.get(world.store)).toBe(0n);
  });

  it("can be undone by reactivation, at a thirtieth of the price and with nothing in use", () => {
    mint();
    expect(reactivate(30).error).toBe("StorageHandler.NotExpire");
    expire();
    expect(spent("//Bob", () => reactivate(30))).toBe((60n * TCESS) / 30n);
    expect(territoryOf()).toMatchObject({
      state: "Active",
      usedSpace: 0n,
      lockedSpace: 0n,
      remainingSpace: 2n * GiB,
      deadline: world.block + 30 * 14_400,
    });
    expect(purchased.get(world.store)).toBe(2n * GiB);
  });

  it("can be undone by somebody else, who pays", () => {
    mint();
    expire();
    const args = { targetAcc: bob, territoryName: home, days: 30 };
    expect(spent("//Dave", () => world.run("//Dave", "StorageHandler.other_reactivate_territory", args))).toBe(
      2n * TCESS,
    );
    expect(territoryOf()?.state).toBe("Active");
  });

  const reactivate = (days: number) =>
    world.run("//Bob", "StorageHandler.reactivate_territory", { territoryName: home, days });
});

describe("renaming and granting", () => {
  it("move an empty territory to another name or owner", () => {
    mint();
    const { token } = territoryOf()!;
    const rename = { oldName: home, newName: textHex("new") };
    expect(world.run("//Bob", "StorageHandler.territory_rename", rename).error).toBeNull();
    expect(territoryOf()).toBeUndefined();
    const grant = { territoryName: textHex("new"), receiver: accountFrom("//Dave") };
    expect(world.run("//Bob", "StorageHandler.territory_grants", grant).error).toBeNull();
    expect(territoryKeys.find(world.store, token)).toEqual([accountFrom("//Dave"), token]);
    expect(territories.find(world.store, accountFrom("//Dave"), token)).toMatchObject({ token, state: "Active" });
  });

  it("refuse a name that is taken and a territory that is not active", () => {
    mint();
    mint("//Bob", "second", 1);
    const rename = { oldName: home, newName: textHex("second") };
    expect(world.run("//Bob", "StorageHandler.territory_rename", rename).error).toBe("StorageHandler.DuplicateName");
    freeze();
    const free = { oldName: home, newName: textHex("free") };
    expect(world.run("//Bob", "StorageHandler.territory_rename", free).error).toBe("StorageHandler.NotActive");
  });
});

describe("orders", () => {
  const order = (expired = 10) =>
    world.run("//Bob", "StorageHandler.create_order", {
      targetAcc: bob,
      territoryName: home,
      orderType: "Buy",
      gibCount: 1,
      days: 30,
      expired,
    });
  const orderId = () => world.lastEvent<{ orderHash: `0x${string}` }>("StorageHandler.CreatePayOrder").orderHash;

  it("are paid by somebody else", () => {
    expect(order().error).toBeNull();
    const id = orderId();
    expect(spent("//Dave", () => world.run("//Dave", "StorageHandler.exec_order", { orderId: id }))).toBe(30n * TCESS);
    expect(territoryOf()?.totalSpace).toBe(GiB);
    expect(world.lastEvent("StorageHandler.PaidOrder")).toEqual({ orderHash: id });
    expect(world.lastEvent("StorageHandler.MintTerritory")).toBeUndefined();
    const again = { orderId: id };
    expect(world.run("//Dave", "StorageHandler.exec_order", again).error).toBe("StorageHandler.PurchasedSpace");
    const unknown = { orderId: `0x${"11".repeat(32)}` };
    expect(world.run("//Dave", "StorageHandler.exec_order", unknown).error).toBe("StorageHandler.NoOrder");
  });

  it("last less than an hour, and end", () => {
    expect(order(100).error).toBe("StorageHandler.ParamError");
    order(1);
    const id = orderId();
    world.pass(6);
    expect(world.run("//Dave", "StorageHandler.exec_order", { orderId: id }).error).toBe("StorageHandler.OrderExpired");
  });
});

describe("consignment", () => {
  it("sells a territory: offered, bought, handed over by the chain itself after the lock", () => {
    mint();
    const { token } = territoryOf()!;
    const offer = { territoryName: home, price: 500n * TCESS };
    expect(world.run("//Bob", "StorageHandler.territory_consignment", offer).error).toBeNull();
    expect(territoryOf()?.state).toBe("OnConsignment");
    const buy = { token, rename: textHex("bought") };
    expect(world.run("//Bob", "StorageHandler.buy_consignment", buy).error).toBe("StorageHandler.OwnConsignment");
    expect(world.run("//Dave", "StorageHandler.buy_consignment", buy).error).toBeNull();
    expect(world.run("//Eve", "StorageHandler.buy_consignment", buy).error).toBe("StorageHandler.ConsignmentLocked");
    const take = { token, territoryName: textHex("bought") };
    expect(world.run("//Dave", "StorageHandler.exec_consignment", take).error).toBe("BadOrigin");
    const before = freeOf("//Bob");
    world.pass(47);
    expect(territoryOf()?.state).toBe("OnConsignment");
    world.pass(1);
    expect(freeOf("//Bob") - before).toBe(500n * TCESS);
    expect(territoryOf("//Dave", "bought")).toMatchObject({ state: "Active", token });
    expect(territoryOf()).toBeUndefined();
  });

  it("can be called off by the buyer, then by the seller", () => {
    mint();
    const { token } = territoryOf()!;
    world.run("//Bob", "StorageHandler.territory_consignment", { territoryName: home, price: TCESS });
    world.run("//Dave", "StorageHandler.buy_consignment", { token, rename: home });
    const cancel = { territoryName: home };
    expect(world.run("//Bob", "StorageHandler.cancel_consignment", cancel).error).toBe(
      "StorageHandler.ConsignmentLocked",
    );
    expect(world.run("//Dave", "StorageHandler.cancel_purchase_action", { token }).error).toBeNull();
    expect(accountAt(world.store, accountFrom("//Dave")).data.reserved).toBe(0n);
    expect(world.run("//Bob", "StorageHandler.cancel_consignment", cancel).error).toBeNull();
    world.pass(50);
    expect(territoryOf()?.state).toBe("Active");
  });
});
