import { beforeEach, describe, expect, it } from "@jest/globals";
import { brief, digestHex, minerNames, segment, World, withMiners } from "../../test/world.js";
import { accountFrom } from "../engine/account.js";
import { encode, textHex, toHex } from "../engine/codec.js";
import { devTeeKey } from "./attestation.js";
import { deals, files, holdings, occupiedBytes } from "./file-store.js";
import { miners, pendingReplacements } from "./miner.js";
import { type Territory, territories, totalIdle, totalService } from "./territory.js";

const MiB = 1n << 20n;
const file = digestHex("f");
const bob = accountFrom("//Bob");

let world: World;
const territoryOf = (owner = "//Bob", name = "home"): Territory =>
  territories.find(world.store, accountFrom(owner), textHex(name))!;
const declare = (who: string, args: Record<string, unknown> = {}) =>
  world.run(who, "FileBank.upload_declaration", {
    fileHash: file,
    dealInfo: [segment("a")],
    userBrief: brief("//Bob", "home"),
    fileSize: 10n * MiB,
    ...args,
  });
const report = (miner: string, index: number, dealHash = file) =>
  world.run(miner, "FileBank.transfer_report", { index, dealHash });
const reportAll = () => minerNames.slice(0, 12).map((miner, i) => report(miner, i + 1));
const mint = (who: string, name: string, gibCount = 1) =>
  world.run(who, "StorageHandler.mint_territory", { gibCount, territoryName: textHex(name), days: 30 });
const remove = (who: string, owner = "//Bob") =>
  world.run(who, "FileBank.delete_file", { owner: accountFrom(owner), fileHash: file });
/** Brings a territory to its end: frozen, then expired. */
function expire(owner: string, name: string): void {
  const user = accountFrom(owner);
  world.root("StorageHandler.update_user_territory_life", { user, terrName: textHex(name), deadline: world.block + 2 });
  world.pass(1);
  const { token, state } = territoryOf(owner, name);
  expect(state).toBe("Frozen");
  const oldBlock = world.block + 100_800;
  world.root("StorageHandler.update_expired_exec", { oldBlock, newBlock: world.block + 2, token });
  world.pass(1);
  expect(territoryOf(owner, name).state).toBe("Expired");
}

beforeEach(async () => {
  world = await World.create(withMiners);
  expect(mint("//Bob", "home").error).toBeNull();
});

describe("declaring", () => {
  it("is for the owner and for whom the owner authorized, nobody else", () => {
    expect(declare("//Charlie").error).toBe("FileBank.NoPermission");
    expect(world.run("//Bob", "Oss.authorize", { operator: accountFrom("//Charlie") }).error).toBeNull();
    expect(declare("//Charlie")).toEqual({ error: null, events: ["FileBank.UploadDeclaration"] });
    expect(world.lastEvent("FileBank.UploadDeclaration")).toEqual({
      operator: accountFrom("//Charlie"),
      owner: bob,
      dealHash: file,
    });
  });

  it("wants twelve fragments in every segment and a name of at least three bytes", () => {
    expect(declare("//Bob", { dealInfo: [segment("a", 11)] }).error).toBe("FileBank.SpecError");
    expect(declare("//Bob", { userBrief: brief("//Bob", "home", "ab") }).error).toBe("FileBank.SpecError");
    expect(declare("//Bob", { userBrief: brief("//Bob", "home", "abc") }).error).toBeNull();
  });

  it("locks three times the data of each segment", () => {
    declare("//Bob", { dealInfo: [segment("a"), segment("b")] });
    expect(territoryOf()).toMatchObject({ lockedSpace: 192n * MiB, usedSpace: 0n, remainingSpace: 832n * MiB });
    expect(deals.find(world.store, file)).toMatchObject({ completeList: [], fileSize: 10n * MiB });
  });

  it("wants strictly more space than it needs: what fits exactly is refused", () => {
    // 32 segments need 3 GiB exactly.
    mint("//Bob", "exact", 3);
    mint("//Bob", "larger", 4);
    const dealInfo = Array.from({ length: 32 }, () => segment("a"));
    expect(declare("//Bob", { dealInfo, userBrief: brief("//Bob", "exact") }).error).toBe(
      "FileBank.InsufficientAvailableSpace",
    );
    expect(declare("//Bob", { dealInfo, userBrief: brief("//Bob", "larger") }).error).toBeNull();
  });

  it("wants a territory that is there and active", () => {
    expect(declare("//Bob", { userBrief: brief("//Bob", "nowhere") }).error).toBe("StorageHandler.NotHaveTerritory");
    expire("//Bob", "home");
    expect(declare("//Bob").error).toBe("StorageHandler.NotActive");
  });

  it("again while the deal is open replaces it, and what was locked before stays locked for ever", () => {
    declare("//Bob");
    report("//Miner1", 1);
    expect(declare("//Bob").error).toBeNull();
    expect(territoryOf().lockedSpace).toBe(2n * 96n * MiB);
    expect(deals.find(world.store, file)?.completeList).toEqual([]);
    reportAll().slice(1);
    expect(territoryOf()).toMatchObject({ lockedSpace: 96n * MiB, usedSpace: 96n * MiB });
  });

  it("lets another owner take an open deal over, reports and all", () => {
    mint("//Dave", "his");
    declare("//Bob");
    report("//Miner1", 1);
    expect(declare("//Dave", { userBrief: brief("//Dave", "his") }).error).toBeNull();
    expect(deals.find(world.store, file)).toMatchObject({ user: { user: accountFrom("//Dave") }, completeList: [] });
    expect(territoryOf().lockedSpace).toBe(96n * MiB);
  });

  it("accepts a deal of no segments and a name that is no hexadecimal", () => {
    expect(declare("//Bob", { fileHash: digestHex("?"), dealInfo: [] }).error).toBeNull();
    expect(territoryOf().lockedSpace).toBe(0n);
  });
});

describe("declaring what the network has already", () => {
  beforeEach(() => {
    declare("//Bob");
    reportAll();
    mint("//Dave", "his");
  });

  it("makes one more owner without miners, whatever the call says of segments and size", () => {
    const outcome = declare("//Dave", { userBrief: brief("//Dave", "his"), dealInfo: [], fileSize: 1n });
    expect(outcome).toEqual({ error: null, events: ["FileBank.UploadDeclaration"] });
    expect(files.find(world.store, file)).toMatchObject({ fileSize: 10n * MiB, stat: "Active" });
    expect(files.find(world.store, file)?.owner.map(({ user }) => user)).toEqual([bob, accountFrom("//Dave")]);
    expect(territoryOf("//Dave", "his").usedSpace).toBe(96n * MiB);
    expect(holdings.get(world.store, accountFrom("//Dave"))).toEqual([
      { territoryName: textHex("his"), fileHash: file, fileSize: 96n * MiB },
    ]);
  });

  it("is refused to the same owner in the same territory, and allowed in another", () => {
    expect(declare("//Bob").error).toBe("FileBank.Existed");
    mint("//Bob", "second");
    expect(declare("//Bob", { userBrief: brief("//Bob", "second") }).error).toBeNull();
  });
});

describe("reporting", () => {
  beforeEach(() => {
    declare("//Bob");
  });

  it("is for registered, positive miners", () => {
    expect(report("//Eve", 1).error).toBe("Sminer.NotMiner");
    const args = { beneficiary: bob, endpoint: "0x", stakingVal: 4000n * 10n ** 18n, tibCount: 1 };
    world.run("//Eve", "Sminer.regnstk", args);
    expect(report("//Eve", 1).error).toBe("FileBank.MinerStateError");
  });

  it("wants an index from 1 to 12 and a deal that is open", () => {
    expect(report("//Miner1", 0).error).toBe("FileBank.SpecError");
    expect(report("//Miner1", 13).error).toBe("FileBank.SpecError");
    expect(report("//Miner1", 1, digestHex("e")).error).toBe("FileBank.NonExistent");
  });

  it("takes each index once and each miner once", () => {
    expect(report("//Miner1", 5)).toEqual({ error: null, events: ["FileBank.TransferReport"] });
    expect(world.lastEvent("FileBank.TransferReport")).toEqual({ acc: accountFrom("//Miner1"), dealHash: file });
    expect(report("//Miner2", 5).error).toBe("FileBank.Existed");
    expect(report("//Miner1", 6).error).toBe("FileBank.Existed");
    expect(deals.find(world.store, file)?.completeList).toEqual([{ index: 5, miner: accountFrom("//Miner1") }]);
  });

  it("locks 8 MiB of each segment of the miner's idle space", () => {
    const before = miners.find(world.store, accountFrom("//Miner1"))!.idleSpace;
    report("//Miner1", 1);
    expect(miners.find(world.store, accountFrom("//Miner1"))).toMatchObject({
      idleSpace: before - 8n * MiB,
      lockSpace: 8n * MiB,
    });
  });

  it("for the twelfth time makes the file, and says so before it says that the miner reported", () => {
    const idle = totalIdle.get(world.store);
    const outcomes = reportAll();
    expect(outcomes.map(({ error }) => error)).toEqual(Array(12).fill(null));
    expect(outcomes[11]?.events).toEqual(["FileBank.StorageCompleted", "FileBank.TransferReport"]);
    expect(deals.find(world.store, file)).toBeUndefined();
    const stored = files.find(world.store, file)!;
    expect(stored).toMatchObject({ stat: "Active", completion: world.block, owner: [brief("//Bob", "home")] });
    const placed = stored.segmentList[0]!.fragmentList.map(({ miner, hash }) => [miner, hash]);
    expect(placed).toEqual(segment("a").fragmentList.map((hash, i) => [accountFrom(minerNames[i]!), hash]));
    expect(territoryOf()).toMatchObject({ lockedSpace: 0n, usedSpace: 96n * MiB, remainingSpace: 928n * MiB });
    expect(totalIdle.get(world.store)).toBe(idle - 96n * MiB);
    expect(totalService.get(world.store)).toBe(96n * MiB);
    expect(pendingReplacements.get(world.store, accountFrom("//Miner7"))).toBe(8n * MiB);
  });

  it("still completes the deal when the territory froze meanwhile", () => {
    const args = { user: bob, terrName: textHex("home"), deadline: world.block + 2 };
    world.root("StorageHandler.update_user_territory_life", args);
    world.pass(1);
    expect(territoryOf().state).toBe("Frozen");
    reportAll();
    expect(files.find(world.store, file)?.stat).toBe("Active");
  });

  it("ends the deal without error or event when the territory expired, and frees its miners", () => {
    report("//Miner1", 1);
    const idle = miners.find(world.store, accountFrom("//Miner1"))!.idleSpace;
    expire("//Bob", "home");
    expect(report("//Miner2", 2)).toEqual({ error: null, events: [] });
    expect(deals.find(world.store, file)).toBeUndefined();
    expect(miners.find(world.store, accountFrom("//Miner1"))).toMatchObject({
      idleSpace: idle + 8n * MiB,
      lockSpace: 0n,
    });
  });
});

describe("tagging", () => {
  const tag = (miner: string, fragments: readonly string[], teePuk = devTeeKey) =>
    world.run(miner, "FileBank.calculate_report", {
      teeSig: `0x${"00".repeat(64)}`,
      tagSigInfo: {
        miner: accountFrom(miner),
        digest: fragments.map((fragment) => ({ fragment, teePuk })),
        fileHash: file,
      },
    });

  beforeEach(() => {
    declare("//Bob");
    reportAll();
  });

  it("turns what the miner locked into service space", () => {
    const fragment = segment("a").fragmentList[0]!;
    expect(tag("//Miner1", [fragment])).toEqual({ error: null, events: ["FileBank.CalculateReport"] });
    expect(miners.find(world.store, accountFrom("//Miner1"))).toMatchObject({
      lockSpace: 0n,
      serviceSpace: 8n * MiB,
    });
    expect(files.find(world.store, file)?.segmentList[0]?.fragmentList[0]?.tag).toBe(world.block);
  });

  it("refuses another worker, missing fragments and strangers", () => {
    const fragment = segment("a").fragmentList[0]!;
    expect(tag("//Miner1", [fragment], `0x${"11".repeat(32)}`).error).toBe("FileBank.VerifyTeeSigFailed");
    expect(tag("//Miner1", []).error).toBe("FileBank.DigestError");
    const mine = { miner: accountFrom("//Miner1"), digest: [], fileHash: file };
    const forged = world.run("//Miner13", "FileBank.calculate_report", { teeSig: "0x", tagSigInfo: mine });
    expect(forged.error).toBe("FileBank.MinerError");
  });
});

describe("deleting", () => {
  beforeEach(() => {
    declare("//Bob");
    reportAll();
  });

  it("by the last owner removes the file, frees the territory, and unlocks what is idle again only by certificate", () => {
    const idle = totalIdle.get(world.store);
    expect(remove("//Bob")).toEqual({ error: null, events: ["FileBank.DeleteFile"] });
    expect(files.find(world.store, file)).toBeUndefined();
    expect(holdings.get(world.store, bob)).toEqual([]);
    expect(territoryOf()).toMatchObject({ usedSpace: 0n, remainingSpace: 1024n * MiB });
    expect(totalService.get(world.store)).toBe(0n);
    expect(totalIdle.get(world.store)).toBe(idle);
    expect(miners.find(world.store, accountFrom("//Miner3"))).toMatchObject({
      lockSpace: 0n,
      idleSpace: 16_376n * MiB,
    });
  });

  it("is refused to strangers, to those who do not own it, and for what is not there", () => {
    expect(remove("//Charlie").error).toBe("FileBank.NoPermission");
    expect(remove("//Dave", "//Dave").error).toBe("FileBank.NotOwner");
    remove("//Bob");
    expect(remove("//Bob").error).toBe("FileBank.NonExistent");
  });

  it("by one of several owners leaves the file to the others", () => {
    mint("//Dave", "his");
    declare("//Dave", { userBrief: brief("//Dave", "his") });
    expect(remove("//Bob").error).toBeNull();
    expect(files.find(world.store, file)?.owner).toEqual([brief("//Dave", "his")]);
    expect(territoryOf().usedSpace).toBe(0n);
    expect(territoryOf("//Dave", "his").usedSpace).toBe(occupiedBytes(1));
  });

  it("by an owner who holds it in two territories leaves a file without owner", () => {
    mint("//Bob", "second");
    declare("//Bob", { userBrief: brief("//Bob", "second") });
    expect(remove("//Bob").error).toBeNull();
    expect(files.find(world.store, file)?.owner).toEqual([]);
    expect(holdings.get(world.store, bob)).toEqual([]);
    expect(territoryOf("//Bob", "second").usedSpace).toBe(0n);
  });

  it("is not hindered by a miner that left and came back with nothing", () => {
    const account = accountFrom("//Miner3");
    const fresh = encode("MinerInfo", { ...miners.find(world.store, account)!, lockSpace: 0n });
    world.root("System.set_storage", { items: [[miners.key(account), toHex(fresh)]] });
    expect(remove("//Bob").error).toBeNull();
    expect(files.find(world.store, file)).toBeUndefined();
  });

  it("happens by itself to the files of a territory that expired", () => {
    expire("//Bob", "home");
    world.pass(1);
    expect(files.find(world.store, file)).toBeUndefined();
    expect(holdings.get(world.store, bob)).toEqual([]);
    expect(totalService.get(world.store)).toBe(0n);
  });
});

describe("a large territory that expired", () => {
  it("is cleared by 300 files in a block, until nothing is left", () => {
    const held = Array.from({ length: 350 }, (_, i) => ({
      territoryName: textHex("home"),
      fileHash: textHex(`${i}`.padEnd(64, "-")),
      fileSize: 0n,
    }));
    const value = toHex(encode("BoundedVec<UserFileSliceInfo>", held));
    world.root("System.set_storage", { items: [[holdings.key(bob), value]] });
    expire("//Bob", "home");
    // The file bank begins a block before the territories do: it hears of the expiry one block later.
    world.pass(1);
    expect(holdings.get(world.store, bob)).toHaveLength(50);
    world.pass(1);
    expect(holdings.get(world.store, bob)).toEqual([]);
  });
});

describe("delivering to another territory", () => {
  it("moves the occupied space and the entry", () => {
    declare("//Bob");
    reportAll();
    mint("//Bob", "second");
    const args = { user: bob, fileHash: file, targetTerritory: textHex("second") };
    expect(world.run("//Eve", "FileBank.territory_file_delivery", args).error).toBe("FileBank.NoPermission");
    expect(world.run("//Bob", "FileBank.territory_file_delivery", args)).toEqual({
      error: null,
      events: ["FileBank.TerritoryFileDelivery"],
    });
    expect(territoryOf().usedSpace).toBe(0n);
    expect(territoryOf("//Bob", "second").usedSpace).toBe(96n * MiB);
    expect(holdings.get(world.store, bob)[0]?.territoryName).toBe(textHex("second"));
  });
});
