import { beforeAll, describe, expect, it } from "@jest/globals";
import { TCESS } from "../../src/index.js";
import { addressOf } from "./chain-under-test.js";
import { fragmentBytes, minerNames, type Network, segmentBytes } from "./network.js";

interface Deal {
  readonly user: { readonly user: string };
  readonly segmentList: readonly unknown[];
  readonly completeList: readonly { readonly index: number; readonly miner: string }[];
}
interface StoredFile {
  readonly stat: string;
  readonly owner: readonly { readonly user: string }[];
  readonly segmentList: readonly {
    readonly fragmentList: readonly { readonly miner: string; readonly tag: number | null; readonly avail: boolean }[];
  }[];
}
interface Miner {
  readonly idleSpace: string | number;
  readonly lockSpace: string | number;
  readonly serviceSpace: string | number;
}

/** From a declaration to a file, and from a file to nothing. */
export const dealScenarios = (network: () => Network): void => {
  const dealOf = (fid: string) => network().chain.read<Deal | null>("fileBank.dealMap", fid);
  const fileOf = (fid: string) => network().chain.read<StoredFile | null>("fileBank.file", fid);
  const holdingsOf = (owner: string) =>
    network().chain.read<{ fileHash: string; fileSize: string | number }[]>(
      "fileBank.userHoldFileList",
      addressOf(owner),
    );
  const spacesOf = async (miner: string) => {
    const found = await network().chain.read<Miner>("sminer.minerItems", addressOf(miner));
    return { idle: BigInt(found.idleSpace), lock: BigInt(found.lockSpace), service: BigInt(found.serviceSpace) };
  };
  const declare = (who: string, fid: string, more: Partial<Parameters<Network["declare"]>[1]> = {}) =>
    network().declare(who, { fid, owner: who, territory: "home", ...more });
  const remove = (who: string, owner: string, fid: string) =>
    network().chain.run(who, "fileBank.deleteFile", addressOf(owner), fid);

  describe("a declaration", () => {
    it("is for the owner and for whom the owner authorized", async () => {
      const owner = await network().ownerWithTerritory();
      const fid = network().newFile();
      expect((await declare("//Charlie", fid, { owner })).error).toBe("fileBank.NoPermission");
      await network().must(owner, "oss.authorize", addressOf("//Charlie"));
      const declared = await declare("//Charlie", fid, { owner });
      expect([declared.error, declared.events]).toEqual([null, ["fileBank.UploadDeclaration"]]);
      expect(declared.event("fileBank.UploadDeclaration")).toEqual({
        operator: addressOf("//Charlie"),
        owner: addressOf(owner),
        dealHash: hexOf(fid),
      });
    });

    it("wants twelve fragments in each segment and a name of three bytes", async () => {
      const owner = await network().ownerWithTerritory();
      const fid = network().newFile();
      const eleven = network().segments(fid, 1, 11);
      expect((await declare(owner, fid, { segments: eleven })).error).toBe("fileBank.SpecError");
      expect((await declare(owner, fid, { fileName: "ab" })).error).toBe("fileBank.SpecError");
      expect((await declare(owner, fid, { fileName: "abc" })).error).toBeNull();
    });

    it("wants a territory", async () => {
      const owner = await network().owner();
      expect((await declare(owner, network().newFile())).error).toBe("storageHandler.NotHaveTerritory");
    });

    it("locks three times the data of each segment", async () => {
      const owner = await network().ownerWithTerritory();
      const fid = network().newFile();
      await declare(owner, fid, { segments: network().segments(fid, 2) });
      expect(await network().territory(owner)).toMatchObject({ locked: 2n * segmentBytes, used: 0n });
      expect(await dealOf(fid)).toMatchObject({ completeList: [], user: { user: addressOf(owner) } });
    });

    it("wants strictly more space than it takes: what fits exactly is refused", async () => {
      const owner = await network().ownerWithTerritory(3);
      const fid = network().newFile();
      const exactly = network().segments(fid, 32);
      expect((await declare(owner, fid, { segments: exactly })).error).toBe("fileBank.InsufficientAvailableSpace");
      expect((await declare(owner, fid, { segments: exactly.slice(1) })).error).toBeNull();
    });

    it("of no segments, under a hash that is no hexadecimal, is accepted and locks nothing", async () => {
      const owner = await network().ownerWithTerritory();
      expect((await declare(owner, "?".repeat(64), { segments: [] })).error).toBeNull();
      expect((await network().territory(owner))?.locked).toBe(0n);
    });

    it("while the deal is open replaces it, whoever's it was, and the first lock stays", async () => {
      const first = await network().ownerWithTerritory();
      const second = await network().ownerWithTerritory();
      const fid = network().newFile();
      await declare(first, fid);
      expect((await network().report(minerNames[0]!, 1, fid)).error).toBeNull();
      expect((await declare(second, fid)).error).toBeNull();
      expect(await dealOf(fid)).toMatchObject({ user: { user: addressOf(second) }, completeList: [] });
      await network().reportAll(fid);
      expect(await network().territory(first)).toMatchObject({ locked: segmentBytes, used: 0n });
      expect(await network().territory(second)).toMatchObject({ locked: 0n, used: segmentBytes });
    });
  });

  describe("what the network has already", () => {
    it("is the next owner's at once: what the call says of segments is ignored", async () => {
      const fid = await network().store(await network().ownerWithTerritory(), "home");
      const owner = await network().ownerWithTerritory();
      expect(await declare(owner, fid, { segments: [] })).toMatchObject({
        error: null,
        events: ["fileBank.UploadDeclaration"],
      });
      expect(await dealOf(fid)).toBeNull();
      const { flashSegmentBytes } = network().chain.dialect;
      expect(await network().territory(owner)).toMatchObject({ used: flashSegmentBytes, locked: 0n });
      expect((await fileOf(fid))?.owner).toHaveLength(2);
      expect((await declare(owner, fid)).error).toBe("fileBank.Existed");
    });

    it("wants strictly more space than it takes", async () => {
      const fid = await network().store(await network().ownerWithTerritory(3), "home", 11);
      const owner = await network().ownerWithTerritory();
      const takes = 11n * network().chain.dialect.flashSegmentBytes;
      const { remaining } = (await network().territory(owner))!;
      const expected = remaining > takes ? null : "fileBank.InsufficientAvailableSpace";
      expect((await declare(owner, fid)).error).toBe(expected);
    });
  });

  describe("a report", () => {
    let owner: string;
    let fid: string;
    beforeAll(async () => {
      owner = await network().ownerWithTerritory();
      fid = network().newFile();
      await declare(owner, fid);
    });

    it("is for positive miners, of a column from 1 to 12, of an open deal", async () => {
      expect((await network().report("//Charlie", 1, fid)).error).toBe("sminer.NotMiner");
      const fresh = await network().owner();
      const stake = 4000n * TCESS;
      const place = network().chain.dialect.place(fresh);
      await network().must(fresh, "sminer.regnstk", addressOf(fresh), place, stake, 1);
      expect((await network().report(fresh, 1, fid)).error).toBe("fileBank.MinerStateError");
      for (const index of [0, 13]) {
        expect((await network().report(minerNames[0]!, index, fid)).error).toBe("fileBank.SpecError");
      }
      expect((await network().report(minerNames[0]!, 1, network().newFile())).error).toBe("fileBank.NonExistent");
    });

    it("takes each column once and each miner once, and locks the miner's idle space", async () => {
      const before = await spacesOf(minerNames[0]!);
      expect(await network().report(minerNames[0]!, 1, fid)).toMatchObject({
        error: null,
        events: ["fileBank.TransferReport"],
      });
      const after = await spacesOf(minerNames[0]!);
      expect([before.idle - after.idle, after.lock - before.lock]).toEqual([fragmentBytes, fragmentBytes]);
      expect((await network().report(minerNames[1]!, 1, fid)).error).toBe("fileBank.Existed");
      expect((await network().report(minerNames[0]!, 2, fid)).error).toBe("fileBank.Existed");
      expect((await dealOf(fid))?.completeList).toEqual([{ index: 1, miner: addressOf(minerNames[0]!) }]);
    });

    it("for the twelfth time makes the file, and says so before it says that the miner reported", async () => {
      const idle = () => network().chain.read<string | number>("storageHandler.totalIdleSpace");
      const before = BigInt(await idle());
      await Promise.all(minerNames.slice(1, 11).map((miner, i) => network().report(miner, i + 2, fid)));
      const last = await network().report(minerNames[11]!, 12, fid);
      expect(last.events).toEqual(["fileBank.StorageCompleted", "fileBank.TransferReport"]);
      expect(last.event("fileBank.StorageCompleted")).toEqual({ fileHash: hexOf(fid) });
      expect(await dealOf(fid)).toBeNull();
      const file = (await fileOf(fid))!;
      expect(file.stat).toBe("Active");
      expect(file.segmentList[0]!.fragmentList.map(({ miner }) => miner)).toEqual(
        minerNames.slice(0, 12).map(addressOf),
      );
      expect(await network().territory(owner)).toMatchObject({ locked: 0n, used: segmentBytes });
      expect(before - BigInt(await idle())).toBe(segmentBytes);
      expect((await holdingsOf(owner)).map(({ fileSize }) => BigInt(fileSize))).toEqual([segmentBytes]);
      const pending = await network().chain.read<string>("sminer.pendingReplacements", addressOf(minerNames[0]!));
      expect(BigInt(pending)).toBeGreaterThanOrEqual(fragmentBytes);
    });
  });

  describe("a tag report", () => {
    const miner = minerNames[0]!;
    const tag = (fid: string, fragments: readonly string[], who = miner) =>
      network().chain.run(
        who,
        "fileBank.calculateReport",
        ...network().tee.attestTags(addressOf(miner), fid, fragments),
      );

    it("of a miner's fragments makes its locked space serve", async () => {
      const fid = await network().store(await network().ownerWithTerritory(), "home");
      const [fragment, another] = network().segments(fid)[0]!.fragmentList as [string, string];
      expect((await tag(fid, [fragment], minerNames[1]!)).error).toBe("fileBank.MinerError");
      expect((await tag(fid, [another])).error).toBe("fileBank.DigestError");
      expect((await tag(network().newFile(), [fragment])).error).toBe("fileBank.NonExistent");
      const before = await spacesOf(miner);
      expect(await tag(fid, [fragment])).toMatchObject({ error: null, events: ["fileBank.CalculateReport"] });
      const after = await spacesOf(miner);
      expect([before.lock - after.lock, after.service - before.service]).toEqual([fragmentBytes, fragmentBytes]);
      expect((await fileOf(fid))!.segmentList[0]!.fragmentList[0]!.tag).toEqual(expect.any(Number));
    });
  });

  describe("a deletion", () => {
    it("by the last owner takes the file from the chain and the territory", async () => {
      const owner = await network().ownerWithTerritory();
      const fid = await network().store(owner, "home");
      expect((await remove("//Charlie", owner, fid)).error).toBe("fileBank.NoPermission");
      const removed = await remove(owner, owner, fid);
      expect([removed.error, removed.events]).toEqual([null, ["fileBank.DeleteFile"]]);
      expect(await fileOf(fid)).toBeNull();
      expect(await network().territory(owner)).toMatchObject({ used: 0n, locked: 0n });
      expect(await holdingsOf(owner)).toEqual([]);
      expect((await remove(owner, owner, fid)).error).toBe("fileBank.NonExistent");
    });

    it("of fragments without tags unlocks the miners' space, which is not idle again by that", async () => {
      const miner = minerNames[2]!;
      const owner = await network().ownerWithTerritory();
      const fid = await network().store(owner, "home");
      const before = await spacesOf(miner);
      await remove(owner, owner, fid);
      const after = await spacesOf(miner);
      expect([before.lock - after.lock, after.idle - before.idle]).toEqual([fragmentBytes, 0n]);
    });

    it("by one of two owners leaves the file to the other", async () => {
      const first = await network().ownerWithTerritory();
      const second = await network().ownerWithTerritory();
      const fid = await network().store(first, "home");
      await declare(second, fid);
      const { flashDeleteError } = network().chain.dialect;
      expect((await remove(second, second, fid)).error).toBe(flashDeleteError);
      if (flashDeleteError !== null) return;
      expect((await fileOf(fid))?.owner.map(({ user }) => user)).toEqual([addressOf(first)]);
      expect(await network().territory(second)).toMatchObject({ used: 0n });
    });

    it("by an owner who holds the file in two territories leaves it without an owner", async () => {
      const owner = await network().ownerWithTerritory();
      await network().mint(owner, "other");
      const fid = await network().store(owner, "home");
      expect((await declare(owner, fid, { territory: "other" })).error).toBeNull();
      const { flashDeleteError } = network().chain.dialect;
      expect((await remove(owner, owner, fid)).error).toBe(flashDeleteError);
      if (flashDeleteError === null) expect((await fileOf(fid))?.owner).toEqual([]);
    });
  });

  describe("a territory's end", () => {
    it("lets an open deal complete while it is frozen, and nothing begin", async () => {
      const owner = await network().ownerWithTerritory();
      const other = await network().store(await network().ownerWithTerritory(), "home");
      const fid = network().newFile();
      await declare(owner, fid);
      await network().freeze(owner);
      expect((await network().territory(owner))?.state).toBe("Frozen");
      expect((await declare(owner, network().newFile())).error).toBe("storageHandler.NotActive");
      expect((await declare(owner, other)).error).toBe("storageHandler.NotActive");
      expect((await network().reportAll(fid)).events).toContain("fileBank.StorageCompleted");
    });

    it("ends an open deal at its next report, which succeeds and says nothing, and frees its miners", async () => {
      const owner = await network().ownerWithTerritory();
      const fid = network().newFile();
      await declare(owner, fid);
      const miner = minerNames[3]!;
      const before = await spacesOf(miner);
      await network().report(miner, 1, fid);
      await network().expire(owner);
      expect(await network().report(minerNames[4]!, 2, fid)).toMatchObject({ error: null, events: [] });
      expect(await dealOf(fid)).toBeNull();
      expect(await spacesOf(miner)).toEqual(before);
    });

    it("takes the files that lie in it from the chain", async () => {
      const owner = await network().ownerWithTerritory();
      const fid = await network().store(owner, "home");
      await network().expire(owner);
      await network().chain.reach((await network().chain.height()) + 2);
      expect(await fileOf(fid)).toBeNull();
      expect(await holdingsOf(owner)).toHaveLength(network().chain.dialect.keepsHoldingsOfExpired ? 1 : 0);
    });
  });

  describe("delivery to another territory", () => {
    it("moves the file and its space", async () => {
      const owner = await network().ownerWithTerritory();
      await network().mint(owner, "other");
      const fid = await network().store(owner, "home");
      const deliver = (who: string, target: string, user = owner) =>
        network().chain.run(who, "fileBank.territoryFileDelivery", addressOf(user), fid, target);
      expect((await deliver("//Charlie", "other")).error).toBe("fileBank.NoPermission");
      expect((await deliver("//Charlie", "other", "//Charlie")).error).toBe("fileBank.NotOwner");
      expect((await deliver(owner, "nowhere")).error).toBe("storageHandler.NotHaveTerritory");
      expect(await deliver(owner, "other")).toMatchObject({ error: null, events: ["fileBank.TerritoryFileDelivery"] });
      expect((await network().territory(owner))?.used).toBe(0n);
      expect((await network().territory(owner, "other"))?.used).toBe(segmentBytes);
    });
  });
};

/** A hash of 64 characters as the client prints it. */
const hexOf = (text: string): string => `0x${Buffer.from(text, "ascii").toString("hex")}`;
