import { beforeEach, describe, expect, it } from "@jest/globals";
import { call, World } from "../../test/world.js";
import { accountFrom } from "../engine/account.js";
import { textHex } from "../engine/codec.js";
import { TCESS } from "../shape/version.js";
import { totalIssuance } from "./balances.js";
import { accountAt, accounts } from "./system.js";

let world: World;
const free = (who: string): bigint => accountAt(world.store, accountFrom(who)).data.free;
const to = (who: string) => ({ type: "Id", value: accountFrom(who) });
const send = (from: string, dest: string, value: bigint, name = "transfer_keep_alive") =>
  world.run(from, `Balances.${name}`, { dest: to(dest), value });
const fee = (): bigint => world.lastEvent<{ actualFee: bigint }>("TransactionPayment.TransactionFeePaid").actualFee;

beforeEach(async () => {
  world = await World.create();
});

describe("transfers", () => {
  it("move money and make the receiver's account", () => {
    const before = free("//Bob");
    const outcome = send("//Bob", "//New", 5n * TCESS);
    expect(outcome.events).toEqual(["System.NewAccount", "Balances.Endowed", "Balances.Transfer"]);
    expect(free("//New")).toBe(5n * TCESS);
    expect(free("//Bob")).toBe(before - 5n * TCESS - fee());
  });

  it("refuse more than there is, less than an account may have, and addresses that are no accounts", () => {
    expect(send("//Bob", "//New", 10n ** 30n).error).toBe("Token.FundsUnavailable");
    expect(send("//Bob", "//New", TCESS - 1n).error).toBe("Token.BelowMinimum");
    const raw = { dest: { type: "Raw", value: "0x00" }, value: TCESS };
    expect(world.run("//Bob", "Balances.transfer_keep_alive", raw).error).toBe("CannotLookup");
  });

  it("that keep alive leave the deposit; others may end the account, and what is too little to live is lost", () => {
    send("//Bob", "//New", 3n * TCESS);
    expect(send("//New", "//Bob", (25n * TCESS) / 10n).error).toBe("Token.NotExpendable");
    const outcome = send("//New", "//Bob", (25n * TCESS) / 10n, "transfer_allow_death");
    expect(outcome.events).toEqual(["System.KilledAccount", "Balances.DustLost", "Balances.Transfer"]);
    expect(accounts.find(world.store, accountFrom("//New"))).toBeUndefined();
  });

  it("and fees keep the sum of all balances equal to the issuance", () => {
    send("//Bob", "//New", 3n * TCESS);
    send("//New", "//Dave", (25n * TCESS) / 10n, "transfer_allow_death");
    world.run("//Bob", "Balances.burn", { value: TCESS, keepAlive: true });
    const all = accounts.lastParts<`0x${string}`>(world.store);
    const sum = all.reduce((total, who) => total + accountAt(world.store, who).data.free, 0n);
    expect(totalIssuance.get(world.store)).toBe(sum);
  });

  it("that fail cost the fee, count the nonce, and change nothing else", () => {
    const before = accountAt(world.store, accountFrom("//Bob"));
    send("//Bob", "//New", 10n ** 30n);
    const after = accountAt(world.store, accountFrom("//Bob"));
    expect([after.nonce, after.data.free]).toEqual([before.nonce + 1, before.data.free - fee()]);
    expect(world.records().at(-1)?.event.value.type).toBe("ExtrinsicFailed");
  });
});

describe("batches", () => {
  const good = call("Balances.transfer_keep_alive", { dest: to("//New"), value: TCESS });
  const bad = call("Balances.transfer_keep_alive", { dest: to("//New"), value: 10n ** 30n });

  it("stop at the first failure and keep what came before", () => {
    const outcome = world.run("//Bob", "Utility.batch", { calls: [good, bad, good] });
    expect(outcome.error).toBeNull();
    expect(outcome.events.slice(-2)).toEqual(["Utility.ItemCompleted", "Utility.BatchInterrupted"]);
    expect(world.lastEvent("Utility.BatchInterrupted")).toMatchObject({ index: 1 });
    expect(free("//New")).toBe(TCESS);
  });

  it("of all or nothing leave nothing, and fail with the inner error", () => {
    expect(world.run("//Bob", "Utility.batch_all", { calls: [good, bad] })).toEqual({
      error: "Token.FundsUnavailable",
      events: [],
    });
    expect(free("//New")).toBe(0n);
  });

  it("that are forced go on past failures", () => {
    const outcome = world.run("//Bob", "Utility.force_batch", { calls: [bad, good] });
    expect(outcome.events.at(0)).toBe("Utility.ItemFailed");
    expect(outcome.events.at(-1)).toBe("Utility.BatchCompletedWithErrors");
    expect(free("//New")).toBe(TCESS);
  });
});

describe("sudo", () => {
  const inner = call("System.set_storage", { items: [[textHex("key"), textHex("value")]] });

  it("is for its key alone", () => {
    expect(world.run("//Bob", "Sudo.sudo", { call: inner }).error).toBe("Sudo.RequireSudo");
    expect(world.run("//Bob", "System.set_storage", { items: [] }).error).toBe("BadOrigin");
    expect(world.run("//Alice", "Sudo.sudo", { call: inner }).error).toBeNull();
    expect(world.store.get(textHex("key"))).toEqual(new Uint8Array(Buffer.from("value")));
  });

  it("tells the inner call's failure in its event", () => {
    expect(world.root("Sminer.miner_exit", { miner: accountFrom("//Bob") }).error).toBe("Sminer.NotExisted");
  });

  it("passes on", () => {
    world.run("//Alice", "Sudo.set_key", { new: to("//Bob") });
    expect(world.run("//Alice", "Sudo.sudo", { call: inner }).error).toBe("Sudo.RequireSudo");
    expect(world.run("//Bob", "Sudo.sudo", { call: inner }).error).toBeNull();
  });
});
