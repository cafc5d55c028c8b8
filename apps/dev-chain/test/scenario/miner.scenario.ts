import { beforeAll, describe, expect, it } from "@jest/globals";
import { TCESS } from "../../src/index.js";
import { addressOf, type Outcome } from "./chain-under-test.js";
import { MiB, minerNames, type Network } from "./network.js";

const TiB = 1n << 40n;
const stakePerTib = 4000n * TCESS;

interface Miner {
  readonly state: string;
  readonly beneficiary: string;
  readonly collaterals: string | number;
  readonly declarationSpace: string | number;
  readonly idleSpace: string | number;
}

/** How a miner comes, what it says of itself, and when it may leave. */
export const minerScenarios = (network: () => Network): void => {
  let miner: string;
  const run = (name: string, ...args: readonly unknown[]): Promise<Outcome> =>
    network().chain.run(miner, name, ...args);
  const register = (stake: bigint, tib = 1) =>
    run("sminer.regnstk", addressOf(miner), network().chain.dialect.place(miner), stake, tib);
  const itself = async () => {
    const found = await network().chain.read<Miner>("sminer.minerItems", addressOf(miner));
    return { ...found, state: Buffer.from(found.state.slice(2), "hex").toString() };
  };
  beforeAll(async () => {
    miner = await network().owner();
  });

  describe("coming", () => {
    it("takes a stake of 4000 tokens for each TiB, once", async () => {
      expect((await run("sminer.updateBeneficiary", addressOf("//Bob"))).error).toBe("sminer.NotMiner");
      expect((await register(2n * stakePerTib - 1n, 2)).error).toBe("sminer.CollateralNotUp");
      const registered = await register(2n * stakePerTib, 2);
      expect([registered.error, registered.events]).toEqual([null, ["sminer.Registered"]]);
      expect((await register(2n * stakePerTib, 2)).error).toBe("sminer.AlreadyRegistered");
      expect((await itself()).state).toBe("not ready");
    });

    it("takes a key, with which the miner is listed and positive, once", async () => {
      const listed = () => network().chain.read<string[]>("sminer.allMiner");
      expect(await listed()).not.toContain(addressOf(miner));
      expect((await run("fileBank.certIdleSpace", ...network().idleProof(miner, 0, 16))).error).toBe(
        "sminer.NotpositiveState",
      );
      const registered = await run("sminer.registerPoisKey", ...network().poisKeyArgs(miner));
      expect([registered.error, registered.events]).toEqual([null, ["sminer.RegisterPoisKey"]]);
      expect(await listed()).toContain(addressOf(miner));
      expect((await itself()).state).toBe("positive");
      expect((await run("sminer.registerPoisKey", ...network().poisKeyArgs(miner))).error).toBe("sminer.StateError");
    });

    it("takes certified idle space, in units of 64 MiB, from where the last certificate ended", async () => {
      const certified = await run("fileBank.certIdleSpace", ...network().idleProof(miner, 0, 16));
      expect([certified.error, certified.events]).toEqual([null, ["fileBank.IdleSpaceCert"]]);
      expect(BigInt((await itself()).idleSpace)).toBe(16n * 64n * MiB);
      expect((await run("fileBank.certIdleSpace", ...network().idleProof(miner, 0, 16))).error).toBe(
        "sminer.CountError",
      );
      expect((await run("fileBank.certIdleSpace", ...network().idleProof(miner, 1, 17))).error).toBe(
        "sminer.CountError",
      );
      const tooMuch = Number((2n * TiB) / (64n * MiB)) + 1;
      expect((await run("fileBank.certIdleSpace", ...network().idleProof(miner, 0, tooMuch))).error).toBe(
        "sminer.ExceedingDeclarationSpace",
      );
    });
  });

  describe("what a miner says of itself", () => {
    it("changes by its word", async () => {
      expect((await run("sminer.updateBeneficiary", addressOf("//Bob"))).events).toEqual(["sminer.UpdateBeneficiary"]);
      expect((await itself()).beneficiary).toBe(addressOf("//Bob"));
      const { updatePlace, place } = network().chain.dialect;
      expect((await run(updatePlace.call, place("elsewhere"))).events).toEqual([updatePlace.event]);
    });

    it("declares less down to what it holds, and more at the price of frozenness until the stake follows", async () => {
      expect((await run("sminer.decreaseDeclarationSpace", 2)).error).toBe("sminer.UnableReduceDeclaration");
      expect((await run("sminer.decreaseDeclarationSpace", 1)).events).toEqual(["sminer.DecreaseDeclarationSpace"]);
      expect((await run("sminer.increaseDeclarationSpace", 1)).events).toEqual(["sminer.IncreaseDeclarationSpace"]);
      expect((await itself()).state).toBe("positive");
      await run("sminer.increaseDeclarationSpace", 1);
      expect((await itself()).state).toBe("frozen");
      expect(BigInt((await itself()).declarationSpace)).toBe(3n * TiB);
      expect((await run("sminer.increaseDeclarationSpace", 1)).error).toBe("sminer.StateError");
      expect((await run("sminer.increaseCollateral", addressOf(miner), stakePerTib)).events).toEqual([
        "sminer.IncreaseCollateral",
      ]);
      expect(await itself()).toMatchObject({ state: "positive" });
      expect(BigInt((await itself()).collaterals)).toBe(3n * stakePerTib);
    });
  });

  describe("replacing idle space", () => {
    it("goes as far as stored files wait for it", async () => {
      const replace = (front: number, who = miner) =>
        network().chain.run(who, "fileBank.replaceIdleSpace", ...network().idleProof(who, front, 16));
      expect((await replace(0)).error).toBe("sminer.CountError");
      expect((await replace(1)).error).toBe("sminer.InsufficientReplaceable");
    });
  });

  describe("leaving", () => {
    it("waits until the stake has stood for 180 days", async () => {
      expect((await run("sminer.minerExitPrep", addressOf(minerNames[0]!))).error).toBe(
        "sminer.InsufficientStakingPeriod",
      );
      expect((await run("sminer.minerExitPrep", addressOf(miner))).error).toBe("sminer.InsufficientStakingPeriod");
      expect((await run("sminer.minerWithdraw")).error).toBe("sminer.StateError");
      expect((await network().chain.run("//Bob", "sminer.minerExitPrep", addressOf("//Bob"))).error).toBe(
        "sminer.BugInvalid",
      );
      expect((await run("sminer.minerExit", addressOf(miner))).error).toBe("BadOrigin");
      expect((await network().chain.root("sminer.minerExit", addressOf(miner))).error).toBe("sminer.StateError");
    });
  });
};
