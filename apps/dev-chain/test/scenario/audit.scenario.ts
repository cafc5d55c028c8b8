import { beforeAll, describe, expect, it } from "@jest/globals";
import { TCESS } from "../../src/index.js";
import { addressOf, type Outcome } from "./chain-under-test.js";
import { MiB, type Network } from "./network.js";

const proof = `0x${"ab".repeat(32)}`;

interface Challenge {
  readonly challengeElement: {
    readonly start: number;
    readonly idleSlip: number;
    readonly serviceSlip: number;
    readonly verifySlip: number;
    readonly spaceParam: readonly unknown[];
    readonly serviceParam: { readonly randomIndexList: readonly number[]; readonly randomList: readonly string[] };
  };
}

/** Challenges, their proofs and verdicts, and what comes of silence. */
export const auditScenarios = (network: () => Network): void => {
  let miner: string;
  const run = (name: string, ...args: readonly unknown[]): Promise<Outcome> =>
    network().chain.run(miner, `audit.${name}`, ...args);
  const challenge = () => network().mustAsRoot("audit.pointMinerChallenge", addressOf(miner));
  const asked = () => network().chain.read<Challenge | null>("audit.challengeSnapShot", addressOf(miner));
  const stake = async () => {
    const found = await network().chain.read<{ collaterals: string }>("sminer.minerItems", addressOf(miner));
    return BigInt(found.collaterals);
  };
  const judgeIdle = async (isGood: boolean) =>
    run("submitVerifyIdleResult", ...(await network().tee.idleVerdict(miner, proof, isGood)));
  const judgeService = async (isGood: boolean) =>
    run("submitVerifyServiceResult", ...(await network().tee.serviceVerdict(miner, proof, isGood)));
  /** The next block at which answers or verdicts are due is a near one. */
  const bringNear = async (call: string, due: number) => {
    const at = (await network().chain.height()) + 3;
    await network().mustAsRoot(`audit.${call}`, due, at, addressOf(miner));
    await network().chain.reach(at);
  };
  const endVerdicts = async () => {
    await bringNear("testUpdateVerifySlip", (await asked())!.challengeElement.verifySlip);
  };
  beforeAll(async () => {
    miner = await network().owner();
    await network().makeMiner(miner);
  });

  it("asks for samples of idle and of stored space, each until its own block", async () => {
    expect((await run("submitIdleProof", proof)).error).toBe("audit.NoChallenge");
    await challenge();
    const { start, idleSlip, serviceSlip, verifySlip, spaceParam, serviceParam } = (await asked())!.challengeElement;
    const idle = 256n * 64n * MiB;
    expect(idleSlip - start).toBe(50 + Number(idle / 203_613_264n));
    expect(serviceSlip - start).toBe(50);
    expect(verifySlip - idleSlip).toBe(600 + Number(idle / 2_147_483_648n));
    expect(new Set(spaceParam).size).toBe(8);
    expect(new Set(serviceParam.randomIndexList).size).toBe(47);
    expect(new Set(serviceParam.randomList).size).toBe(47);
  });

  it("takes each proof once and each verdict once, signed, and counts what was found good", async () => {
    expect((await run("submitVerifyServiceResult", false, "0x", Array(256).fill(0), network().tee.worker)).error).toBe(
      "audit.UnSubmitted",
    );
    expect((await run("submitIdleProof", proof)).events).toEqual(["audit.SubmitIdleProof"]);
    expect((await run("submitIdleProof", proof)).error).toBe("audit.Submitted");
    expect((await run("submitServiceProof", proof)).events).toEqual(["audit.SubmitServiceProof"]);
    expect((await run("submitServiceProof", proof)).error).toBe("audit.Submitted");

    const verdict = await network().tee.idleVerdict(miner, proof, true);
    const unknown = [...verdict.slice(0, 6), `0x${"17".repeat(32)}`];
    expect((await run("submitVerifyIdleResult", ...unknown)).error).toBe(network().chain.dialect.unknownVerifierError);
    const turned = [...verdict.slice(0, 4), false, ...verdict.slice(5)];
    expect((await run("submitVerifyIdleResult", ...turned)).error).toBe("audit.VerifyTeeSigFailed");

    expect(await judgeIdle(true)).toMatchObject({ error: null, events: ["audit.SubmitIdleVerifyResult"] });
    expect((await judgeIdle(true)).error).toBe("audit.Submitted");
    const judged = await judgeService(true);
    expect([judged.error, judged.events]).toEqual([null, ["audit.SubmitServiceVerifyResult"]]);
    expect(judged.event("audit.SubmitServiceVerifyResult")).toMatchObject({ miner: addressOf(miner), result: true });
    const completed = await network().chain.read<unknown[]>("sminer.completeMinerSnapShot", addressOf(miner));
    expect(completed).toHaveLength(1);
  });

  it("ends when its verdicts are due and there", async () => {
    await endVerdicts();
    expect(await asked()).toBeNull();
  });

  describe("stored files found lost", () => {
    const lose = async () => {
      await challenge();
      await run("submitServiceProof", proof);
      const judged = await judgeService(false);
      await endVerdicts();
      return judged;
    };

    it("are forgiven once, and cost a twentieth of what the stake should be from the second time on", async () => {
      const before = await stake();
      expect(await lose()).toMatchObject({ error: null, events: ["audit.SubmitServiceVerifyResult"] });
      expect(await stake()).toBe(before);
      // It serves nothing, so nothing is what its fine is a part of.
      expect((await lose()).error).toBeNull();
      expect(await stake()).toBe(before);
      const failed = await network().chain.read<number>("audit.countedServiceFailed", addressOf(miner));
      expect(failed).toBe(2);
    });
  });

  describe("silence", () => {
    const ignore = async () => {
      await challenge();
      const { idleSlip, serviceSlip } = (await asked())!.challengeElement;
      await bringNear("testUpdateClearSlip", Math.max(idleSlip, serviceSlip));
      expect((await run("submitServiceProof", proof)).error).toBeNull();
      await judgeService(true);
      await endVerdicts();
    };
    const silences = () => network().chain.read<number>("audit.countedClear", addressOf(miner));

    it("is counted, and fined from the second time on: little, while the miner has earned nothing", async () => {
      const before = await stake();
      // A purse that is not there yet cannot take so little.
      await network().must("//Bob", "cessTreasury.sendFundsToPid", TCESS);
      await network().mustAsRoot("audit.updateCountedClear", addressOf(miner));
      await ignore();
      expect([await silences(), before - (await stake())]).toEqual([1, 0n]);
      await ignore();
      expect([await silences(), before - (await stake())]).toEqual([2, 100n]);
    });

    it("freezes a miner whose stake no longer suffices, until it is raised", async () => {
      const state = async () =>
        (await network().chain.read<{ state: string }>("sminer.minerItems", addressOf(miner))).state;
      expect(Buffer.from((await state()).slice(2), "hex").toString()).toBe("frozen");
      const raised = await network().chain.run(miner, "sminer.increaseCollateral", addressOf(miner), TCESS);
      expect(raised.events).toEqual(["sminer.IncreaseCollateral"]);
      expect(Buffer.from((await state()).slice(2), "hex").toString()).toBe("positive");
    });
  });
};
