import { beforeEach, describe, expect, it } from "@jest/globals";
import { World } from "../../test/world.js";
import { accountFrom } from "../engine/account.js";
import { encode, textHex, toHex } from "../engine/codec.js";
import { TCESS } from "../shape/version.js";
import { devTeeKey } from "./attestation.js";
import { allMiners, minerCount, miners, stateOf } from "./miner.js";
import { accountAt } from "./system.js";
import { totalIdle } from "./territory.js";

const MiB = 1n << 20n;
const GiB = 1n << 30n;
const bob = accountFrom("//Bob");
const zeros = `0x${"00".repeat(256)}`;

let world: World;
const minerOf = (who = "//Bob") => miners.find(world.store, accountFrom(who))!;
const register = (who = "//Bob", tibCount = 1, stake = 4000n * TCESS) =>
  world.run(who, "Sminer.regnstk", { beneficiary: bob, endpoint: textHex("http://a:1"), stakingVal: stake, tibCount });
const registerKey = (who = "//Bob", teePuk: string = devTeeKey) =>
  world.run(who, "Sminer.register_pois_key", {
    poisKey: { g: zeros, n: zeros },
    teeSigNeedVerify: "0x",
    teeSig: "0x",
    teePuk,
  });
const certify = (front: bigint, rear: bigint, who = "//Bob", call = "FileBank.cert_idle_space") =>
  world.run(who, call, {
    idleSigInfo: { miner: bob, front, rear, poisKey: { g: zeros, n: zeros }, accumulator: zeros },
    teeSigNeedVerify: "0x",
    teeSig: "0x",
    teePuk: devTeeKey,
  });

beforeEach(async () => {
  world = await World.create();
});

describe("registration", () => {
  it("reserves the stake; the miner is not ready, and on no list", () => {
    expect(register()).toEqual({ error: null, events: ["Balances.Reserved", "Sminer.Registered"] });
    expect(minerOf()).toMatchObject({ collaterals: 4000n * TCESS, declarationSpace: 1024n * GiB, idleSpace: 0n });
    expect(stateOf(minerOf())).toBe("not ready");
    expect(allMiners.get(world.store)).toEqual([]);
    expect(minerCount.get(world.store)).toBe(1);
    expect(accountAt(world.store, bob).data.reserved).toBe(4000n * TCESS);
  });

  it("wants 4000 tokens for each TiB, and happens once", () => {
    expect(register("//Bob", 2).error).toBe("Sminer.CollateralNotUp");
    register();
    expect(register().error).toBe("Sminer.AlreadyRegistered");
  });

  it("with another's stake is complete when that stake has come", () => {
    const args = { beneficiary: bob, endpoint: "0x", stakingAccount: accountFrom("//Dave"), tibCount: 1 };
    expect(world.run("//Bob", "Sminer.regnstk_assign_staking", args).error).toBeNull();
    expect(registerKey().error).toBeNull();
    expect(stateOf(minerOf())).toBe("frozen");
    const stake = { miner: bob, collaterals: 4000n * TCESS };
    expect(world.run("//Eve", "Sminer.increase_collateral", stake).error).toBe("Sminer.NotStakingAcc");
    expect(world.run("//Dave", "Sminer.increase_collateral", stake).error).toBeNull();
    expect(stateOf(minerOf())).toBe("positive");
  });

  it("becomes positive by a key that the development worker attests, once", () => {
    register();
    expect(registerKey("//Bob", `0x${"01".repeat(32)}`).error).toBe("Sminer.VerifyTeeSigFailed");
    expect(registerKey()).toEqual({ error: null, events: ["Sminer.RegisterPoisKey"] });
    expect(stateOf(minerOf())).toBe("positive");
    expect(allMiners.get(world.store)).toEqual([bob]);
    expect(registerKey().error).toBe("Sminer.StateError");
  });
});

describe("idle space", () => {
  beforeEach(() => {
    register();
    registerKey();
  });

  it("grows by units of 64 MiB since the last certificate", () => {
    expect(certify(0n, 16n)).toEqual({ error: null, events: ["FileBank.IdleSpaceCert"] });
    expect(certify(0n, 24n).error).toBeNull();
    expect(world.lastEvent("FileBank.IdleSpaceCert")).toEqual({ acc: bob, space: 512n * MiB });
    expect(minerOf().idleSpace).toBe(1536n * MiB);
    expect(totalIdle.get(world.store)).toBe(1536n * MiB);
  });

  it("is not certified twice, nor for another miner, nor beyond what was declared", () => {
    certify(0n, 16n);
    expect(certify(0n, 16n).error).toBe("Sminer.CountError");
    expect(certify(0n, 17n, "//Dave").error).toBe("FileBank.MinerError");
    expect(certify(0n, 16_385n).error).toBe("Sminer.ExceedingDeclarationSpace");
  });

  it("is replaced only as far as stored files wait for it", () => {
    certify(0n, 16n);
    expect(certify(1n, 16n, "//Bob", "FileBank.replace_idle_space").error).toBe("Sminer.InsufficientReplaceable");
  });
});

describe("a miner's own settings", () => {
  it("change by the miner's word", () => {
    register();
    const endpoint = textHex("http://b:2");
    expect(world.run("//Bob", "Sminer.update_endpoint", { endpoint }).events).toEqual(["Sminer.UpdateEndPoint"]);
    const dave = accountFrom("//Dave");
    expect(world.run("//Bob", "Sminer.update_beneficiary", { beneficiary: dave }).error).toBeNull();
    expect(minerOf()).toMatchObject({ endpoint, beneficiary: dave });
    expect(world.run("//Eve", "Sminer.update_endpoint", { endpoint }).error).toBe("Sminer.NotMiner");
  });

  it("declare more, frozen until the stake follows, and less only down to what is held", () => {
    register();
    registerKey();
    expect(world.run("//Bob", "Sminer.increase_declaration_space", { tibCount: 1 }).error).toBeNull();
    expect(minerOf().declarationSpace).toBe(2048n * GiB);
    expect(stateOf(minerOf())).toBe("frozen");
    const stake = { miner: bob, collaterals: 4000n * TCESS };
    expect(world.run("//Bob", "Sminer.increase_collateral", stake).error).toBeNull();
    expect(stateOf(minerOf())).toBe("positive");
    certify(0n, 16_385n);
    const less = world.run("//Bob", "Sminer.decrease_declaration_space", { tibCount: 1 });
    expect(less.error).toBe("Sminer.UnableReduceDeclaration");
  });
});

describe("leaving", () => {
  beforeEach(() => {
    register();
    registerKey();
    certify(0n, 16n);
  });

  it("waits for the end of the staking period", () => {
    expect(world.run("//Bob", "Sminer.miner_exit_prep", { miner: bob }).error).toBe("Sminer.InsufficientStakingPeriod");
    expect(world.root("Sminer.miner_exit", { miner: bob }).error).toBe("Sminer.StateError");
    expect(world.run("//Bob", "Sminer.miner_withdraw").error).toBe("Sminer.StateError");
  });

  it("takes the idle space along and gives the stake back", () => {
    const locked = encode("MinerInfo", { ...minerOf(), state: textHex("lock") });
    world.root("System.set_storage", { items: [[miners.key(bob), toHex(locked)]] });
    expect(world.root("Sminer.miner_exit", { miner: bob }).error).toBeNull();
    expect(stateOf(minerOf())).toBe("exit");
    expect(allMiners.get(world.store)).toEqual([]);
    expect(totalIdle.get(world.store)).toBe(0n);
    // It stored nothing, so nothing is left to restore.
    expect(world.run("//Bob", "Sminer.miner_withdraw").error).toBeNull();
    expect(stateOf(minerOf())).toBe("exit");
    expect(accountAt(world.store, bob).data.reserved).toBe(0n);
  });
});

describe("the faucet", () => {
  it("pays at the whitelisted account's word, once a day", () => {
    const to = accountFrom("//Newcomer");
    expect(world.run("//Bob", "Sminer.faucet", { to }).error).toBe("Sminer.WrongOrigin");
    expect(world.run("//Alice", "Sminer.faucet", { to }).error).toBeNull();
    expect(accountAt(world.store, to).data.free).toBe(10_000n * TCESS);
    expect(world.run("//Alice", "Sminer.faucet", { to }).error).toBe("Sminer.LessThan24Hours");
  });
});
