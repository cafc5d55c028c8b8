import { beforeAll, describe, expect, it } from "@jest/globals";
import { TCESS } from "../../src/index.js";
import { addressOf } from "./chain-under-test.js";
import { GiB, type Network, oneDay, segmentBytes } from "./network.js";

/** Bought space: its price, its life, and its ways from hand to hand. */
export const territoryScenarios = (network: () => Network): void => {
  const run = (who: string, name: string, ...args: readonly unknown[]) =>
    network().chain.run(who, `storageHandler.${name}`, ...args);
  const mint = (who: string, gib = 1, days = 30, name = "home") => run(who, "mintTerritory", gib, name, days);
  const priceOf = async (gibDays: number) => BigInt(gibDays) * (await network().unitPrice());

  describe("minting", () => {
    it("sells so many GiB for so many days, and says what it cost", async () => {
      const owner = await network().owner();
      let minted: Awaited<ReturnType<typeof mint>>;
      const spend = await network().spent(owner, async () => {
        minted = await mint(owner, 2, 31);
      });
      expect(spend).toBe(await priceOf(62));
      expect([minted!.error, minted!.events]).toEqual([null, ["storageHandler.MintTerritory"]]);
      const territory = (await network().territory(owner))!;
      expect(territory).toMatchObject({ total: 2n * GiB, remaining: 2n * GiB, used: 0n, locked: 0n, state: "Active" });
      expect(territory.deadline - territory.start).toBe(31 * oneDay);
      const event = minted!.event<{ token: string; spend: string | number }>("storageHandler.MintTerritory");
      expect([event.token, BigInt(event.spend)]).toEqual([territory.token, spend]);
    });

    it("is for thirty days at least, of a name that the owner has not, within what miners have", async () => {
      const owner = await network().owner();
      expect((await mint(owner, 1, 29)).error).toBe("storageHandler.BoundariesNotMet");
      expect((await mint(owner)).error).toBeNull();
      expect((await mint(owner)).error).toBe("storageHandler.PurchasedSpace");
      expect((await mint(await network().owner())).error).toBeNull();
      expect((await mint(owner, 1_000_000, 30, "huge")).error).toBe("storageHandler.InsufficientAvailableSpace");
      expect((await mint(await network().ownerWith(2n * TCESS))).error).toBe("storageHandler.InsufficientBalance");
    });
  });

  describe("expanding", () => {
    it("is charged for the days that are left, begun ones whole", async () => {
      const owner = await network().ownerWithTerritory();
      const expand = (gib: number) => run(owner, "expandingTerritory", "home", gib);
      expect((await run(owner, "expandingTerritory", "nowhere", 1)).error).toBe("storageHandler.NotHaveTerritory");
      expect(await network().spent(owner, () => expand(2))).toBe(await priceOf(60));
      const deadline = (await network().chain.height()) + oneDay + 100;
      await network().moveDeadline(owner, "home", deadline);
      const expanded = await expand(1);
      expect([expanded.error, expanded.events]).toEqual([null, ["storageHandler.ExpansionTerritory"]]);
      const { spend } = expanded.event<{ spend: string | number }>("storageHandler.ExpansionTerritory");
      expect(BigInt(spend)).toBe(await priceOf(2));
      expect(await network().territory(owner)).toMatchObject({ total: 4n * GiB, remaining: 4n * GiB });
    });
  });

  describe("renewing", () => {
    it("moves the deadline of an active territory", async () => {
      const owner = await network().ownerWithTerritory(2);
      const { deadline } = (await network().territory(owner))!;
      expect(await network().spent(owner, () => run(owner, "renewalTerritory", "home", 15))).toBe(await priceOf(30));
      expect((await network().territory(owner))?.deadline).toBe(deadline + 15 * oneDay);
    });

    it("brings a frozen territory back", async () => {
      const owner = await network().ownerWithTerritory();
      await network().freeze(owner);
      expect((await run(owner, "expandingTerritory", "home", 1)).error).toBe("storageHandler.NotActive");
      const renewed = await run(owner, "renewalTerritory", "home", 30);
      expect([renewed.error, renewed.events]).toEqual([null, ["storageHandler.RenewalTerritory"]]);
      const territory = (await network().territory(owner))!;
      expect(territory.state).toBe("Active");
      expect(territory.deadline - territory.start).toBe(30 * oneDay);
    });
  });

  describe("after the end", () => {
    let owner: string;
    const purchased = async () => BigInt(await network().chain.read<string>("storageHandler.purchasedSpace"));
    beforeAll(async () => {
      owner = await network().ownerWithTerritory(2);
      await network().store(owner, "home");
    });

    it("the space is the network's again, and nothing goes on but reactivation", async () => {
      expect((await run(owner, "reactivateTerritory", "home", 30)).error).toBe("storageHandler.NotExpire");
      const before = await purchased();
      await network().expire(owner);
      expect((await network().territory(owner))?.state).toBe("Expired");
      expect(before - (await purchased())).toBe(2n * GiB);
      expect((await run(owner, "renewalTerritory", "home", 30)).error).toBe("storageHandler.StateError");
      expect((await run(owner, "expandingTerritory", "home", 1)).error).toBe("storageHandler.NotActive");
    });

    it("reactivation sells it anew at a thirtieth of the unit price, with nothing in use", async () => {
      const spend = await network().spent(owner, () =>
        network().must(owner, "storageHandler.reactivateTerritory", "home", 30),
      );
      expect(spend).toBe((60n * (await network().unitPrice())) / 30n);
      const territory = (await network().territory(owner))!;
      const remaining = network().chain.dialect.reactivatesEmpty ? 0n : 2n * GiB;
      expect(territory).toMatchObject({ state: "Active", used: 0n, locked: 0n, remaining });
      expect(territory.deadline - territory.start).toBe(30 * oneDay);
    });
  });

  describe("renaming and granting", () => {
    it("move an empty, active territory: a grant names it by its token", async () => {
      const owner = await network().ownerWithTerritory();
      await network().mint(owner, "second");
      const receiver = await network().owner();
      const { token } = (await network().territory(owner))!;
      expect((await run(owner, "territoryRename", "home", "second")).error).toBe("storageHandler.DuplicateName");
      expect((await run(owner, "territoryRename", "home", "third")).error).toBeNull();
      expect(await network().territory(owner)).toBeNull();
      expect((await run(owner, "territoryGrants", "third", addressOf(receiver))).error).toBeNull();
      expect(await network().territory(owner, "third")).toBeNull();
      expect(await network().territory(receiver, token)).toMatchObject({ token, state: "Active" });
    });

    it("are refused while anything lies in it, and when it is not active", async () => {
      const owner = await network().ownerWithTerritory();
      await network().store(owner, "home");
      expect((await network().territory(owner))?.used).toBe(segmentBytes);
      expect((await run(owner, "territoryRename", "home", "new")).error).toBe("storageHandler.ObjectNotZero");
      expect((await run(owner, "territoryGrants", "home", addressOf("//Bob"))).error).toBe(
        "storageHandler.ObjectNotZero",
      );
      expect((await run(owner, "territoryConsignment", "home", TCESS)).error).toBe("storageHandler.ObjectNotZero");
      await network().freeze(owner);
      expect((await run(owner, "territoryRename", "home", "new")).error).toBe("storageHandler.NotActive");
    });
  });

  describe("orders", () => {
    it("are paid by somebody else, within the hour", async () => {
      const owner = await network().owner();
      const payer = await network().owner();
      const order = (minutes: number, type = "Buy") =>
        run(owner, "createOrder", addressOf(owner), "ordered", type, 1, 30, minutes);
      expect((await order(100)).error).toBe("storageHandler.ParamError");
      expect((await order(10, "Renewal")).error).toBe("storageHandler.NotHaveTerritory");
      const created = await order(10);
      expect([created.error, created.events]).toEqual([null, ["storageHandler.CreatePayOrder"]]);
      const { orderHash } = created.event<{ orderHash: string }>("storageHandler.CreatePayOrder");
      const pay = () => run(payer, "execOrder", orderHash);
      const paid = async () => expect((await pay()).events).toEqual(["storageHandler.PaidOrder"]);
      expect(await network().spent(payer, paid)).toBe(await priceOf(30));
      expect(await network().territory(owner, "ordered")).toMatchObject({ total: GiB, state: "Active" });
      expect((await pay()).error).toBe("storageHandler.PurchasedSpace");
      expect((await run(payer, "execOrder", `0x${"11".repeat(32)}`)).error).toBe("storageHandler.NoOrder");
    });

    it("end", async () => {
      const owner = await network().owner();
      const created = await run(owner, "createOrder", addressOf(owner), "late", "Buy", 1, 30, 1);
      const { orderHash } = created.event<{ orderHash: string }>("storageHandler.CreatePayOrder");
      await network().chain.reach((await network().chain.height()) + 6);
      expect((await run(owner, "execOrder", orderHash)).error).toBe("storageHandler.OrderExpired");
    });
  });

  describe("consignment", () => {
    const price = 500n * TCESS;
    const offered = async () => {
      const seller = await network().ownerWithTerritory();
      const { token } = (await network().territory(seller))!;
      const offer = await run(seller, "territoryConsignment", "home", price);
      expect([offer.error, offer.events]).toEqual([null, ["storageHandler.Consignment"]]);
      return { seller, token };
    };

    it("sells a territory: the chain hands it over by itself fifty blocks after the purchase", async () => {
      const { seller, token } = await offered();
      expect((await network().territory(seller))?.state).toBe("OnConsignment");
      expect((await run(seller, "territoryConsignment", "home", price)).error).toBe("storageHandler.NotActive");
      expect((await run(seller, "renewalTerritory", "home", 1)).error).toBe("storageHandler.StateError");
      const buyer = await network().owner();
      expect((await run(seller, "buyConsignment", token, "bought")).error).toBe("storageHandler.OwnConsignment");
      const bought = await run(buyer, "buyConsignment", token, "bought");
      expect([bought.error, bought.events]).toEqual([null, ["storageHandler.BuyConsignment"]]);
      const at = await network().chain.height();
      expect((await run("//Eve", "buyConsignment", token, "mine")).error).toBe("storageHandler.ConsignmentLocked");
      expect((await run(buyer, "execConsignment", token, "bought")).error).toBe("BadOrigin");
      expect((await run(seller, "cancelConsignment", "home")).error).toBe("storageHandler.ConsignmentLocked");
      const before = await network().chain.freeOf(seller);
      await network().chain.reach(at + 51);
      expect(await network().territory(seller)).toBeNull();
      expect(await network().territory(buyer, "bought")).toMatchObject({ token, state: "Active" });
      expect((await network().chain.freeOf(seller)) - before).toBe(price);
    });

    it("is called off by the buyer, then by the seller", async () => {
      const { seller, token } = await offered();
      const buyer = await network().owner();
      await run(buyer, "buyConsignment", token, "bought");
      expect((await run(seller, "cancelPurchaseAction", token)).error).toBe("storageHandler.NotBuyer");
      expect((await run(buyer, "cancelPurchaseAction", token)).events).toEqual(["storageHandler.CancelPurchaseAction"]);
      expect((await run(seller, "cancelConsignment", "home")).events).toEqual(["storageHandler.CancleConsignment"]);
      expect((await run(seller, "cancelConsignment", "home")).error).toBe("storageHandler.NotOnConsignment");
      expect((await run(buyer, "buyConsignment", token, "bought")).error).toBe("storageHandler.NonExistentConsignment");
      expect((await network().territory(seller))?.state).toBe("Active");
    });

    it("wants a day of lease at least", async () => {
      const owner = await network().ownerWithTerritory();
      const deadline = (await network().chain.height()) + oneDay;
      await network().moveDeadline(owner, "home", deadline);
      expect((await run(owner, "territoryConsignment", "home", price)).error).toBe("storageHandler.InsufficientLease");
    });

    it("ends when the lease does", async () => {
      const { seller, token } = await offered();
      await network().freeze(seller);
      expect((await network().territory(seller))?.state).toBe("Frozen");
      expect(await network().chain.read("storageHandler.consignment", token)).toBeNull();
    });
  });
};
