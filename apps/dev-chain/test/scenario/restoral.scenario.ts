import { beforeAll, describe, expect, it } from "@jest/globals";
import { addressOf } from "./chain-under-test.js";
import { fragmentBytes, minerNames, type Network } from "./network.js";

interface Fragment {
  readonly miner: string;
  readonly avail: boolean;
  readonly tag: number | null;
}

/** A fragment that its miner lost comes to another. */
export const restoralScenarios = (network: () => Network): void => {
  const holder = minerNames[0]!;
  const rescuer = minerNames[12]!;
  let fid: string;
  let fragment: string;
  const run = (who: string, name: string, ...args: readonly unknown[]) =>
    network().chain.run(who, `fileBank.${name}`, ...args);
  const fragmentNow = async () => {
    const file = await network().chain.read<{ segmentList: { fragmentList: Fragment[] }[] }>("fileBank.file", fid);
    return file.segmentList[0]!.fragmentList[0]!;
  };
  const spacesOf = async (miner: string) => {
    const found = await network().chain.read<Record<string, string>>("sminer.minerItems", addressOf(miner));
    return { idle: BigInt(found.idleSpace!), lock: BigInt(found.lockSpace!), service: BigInt(found.serviceSpace!) };
  };
  beforeAll(async () => {
    fid = await network().store(await network().ownerWithTerritory(), "home");
    fragment = network().segments(fid)[0]!.fragmentList[0]!;
  });

  describe("an order", () => {
    it("is given by the miner that lost the fragment, once", async () => {
      expect((await run(rescuer, "generateRestoralOrder", fid, fragment)).error).toBe("fileBank.SpecError");
      expect((await run(holder, "generateRestoralOrder", network().newFile(), fragment)).error).toBe(
        "fileBank.NonExistent",
      );
      const given = await run(holder, "generateRestoralOrder", fid, fragment);
      expect([given.error, given.events]).toEqual([null, ["fileBank.GenerateRestoralOrder"]]);
      expect((await run(holder, "generateRestoralOrder", fid, fragment)).error).toBe("fileBank.Existed");
      expect((await fragmentNow()).avail).toBe(false);
    });

    it("is claimed by one positive miner at a time", async () => {
      expect((await run("//Charlie", "claimRestoralOrder", fragment)).error).toBe("sminer.NotMiner");
      expect((await run(rescuer, "claimRestoralOrder", network().newFile())).error).toBe("fileBank.NonExistent");
      expect((await run(rescuer, "claimRestoralOrder", fragment)).events).toEqual(["fileBank.ClaimRestoralOrder"]);
      expect((await run(minerNames[1]!, "claimRestoralOrder", fragment)).error).toBe("fileBank.SpecError");
    });

    it("is completed by whom claimed it: the fragment serves there and frees its place where it was", async () => {
      expect((await run(minerNames[1]!, "restoralOrderComplete", fragment)).error).toBe("fileBank.SpecError");
      const before = await Promise.all([holder, rescuer].map(spacesOf));
      const completed = await run(rescuer, "restoralOrderComplete", fragment);
      expect([completed.error, completed.events]).toEqual([null, ["fileBank.RecoveryCompleted"]]);
      const [lost, won] = await Promise.all([holder, rescuer].map(spacesOf));
      expect(before[0]!.lock - lost!.lock).toBe(fragmentBytes);
      expect([before[1]!.idle - won!.idle, won!.service - before[1]!.service]).toEqual([fragmentBytes, fragmentBytes]);
      expect(await fragmentNow()).toMatchObject({ miner: addressOf(rescuer), avail: true });
      expect(await network().chain.read("fileBank.restoralOrder", fragment)).toBeNull();
    });

    it("of a miner's that did not leave is not to be had by claiming alone", async () => {
      const second = network().segments(fid)[0]!.fragmentList[1]!;
      const claimed = await run(rescuer, "claimRestoralNoexistOrder", addressOf(minerNames[1]!), fid, second);
      expect(claimed.error).toBe("fileBank.NonExistent");
    });
  });
};
