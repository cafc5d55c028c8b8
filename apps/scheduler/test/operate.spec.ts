import { describe, expect, it } from "@jest/globals";
import type { FakeMiner } from "./support/fake-miners.js";
import { until, useNetwork } from "./support/harness.js";

const { network, start, small, attemptsOf, minerOf, rowOf, holdersOnChain } = useNetwork();

const by = { actor: "ada", reason: "a test" };
const minerAt = (n: number) => network().miners.all[n] as FakeMiner;
const why = async (miner: FakeMiner) => (await network().request("minerExplain", { account: miner.account })).miner;

describe("an operator", () => {
  it("takes a miner out of use, and gives it back by way of a probe; both are written down for good", async () => {
    const miner = minerAt(2);
    await start();
    await until("the miner is known", async () => (await why(miner)) !== null);
    const { account } = miner;
    const done = await network().request("minerQuarantine", { account, ...by });
    expect(done.standing).toBe("quarantined");
    expect(await why(miner)).toMatchObject({ standing: "quarantined", refusal: { code: "quarantine" }, rank: null });
    const first = await small();
    await network().announce(first, { placement: { prefer: [account] } });
    await network().reaches(first, "active");
    expect(await attemptsOf(first)).not.toContainEqual(expect.objectContaining({ miner: account }));

    expect(await network().request("minerRelease", { account, ...by })).toEqual({ standing: "probing" });
    const second = await small();
    await network().announce(second, { placement: { prefer: [account] } });
    await network().reaches(second, "active");
    expect(await holdersOnChain(second)).toContain(account);
    expect(await minerOf(miner)).toMatchObject({ standing: "available" });
    expect((await why(miner))?.outcomes).toEqual({ reported: 1 });

    const { actions } = await network().request("operatorActionsList", { before: null, count: 2 });
    expect(actions.map(({ action, actor, subject }) => [action, actor, subject])).toEqual([
      ["miner.released", "ada", account],
      ["miner.quarantined", "ada", account],
    ]);
    await expect(network().database.auditRecord.deleteMany()).rejects.toThrow(/never changed or deleted/);
  });

  it("is told of a miner that nobody knows", async () => {
    await start();
    const account = network().account;
    await expect(network().request("minerRelease", { account, ...by })).rejects.toMatchObject({
      code: "MINER_UNKNOWN",
    });
    expect((await network().request("minerExplain", { account })).miner).toBeNull();
  });

  it("takes up a deal that had failed for want of miners, and it becomes active", async () => {
    const [nobody] = [
      network()
        .miners.all.slice(0, 12)
        .map(({ account }) => account),
    ];
    await start({ PLACEMENT_PATIENCE: "2s" });
    const upload = await small();
    for (const account of nobody) {
      await until(
        "the miner is known",
        async () => (await network().request("minerExplain", { account })).miner !== null,
      );
      await network().request("minerQuarantine", { account, ...by });
    }
    await network().announce(upload, { placement: { only: nobody } });
    await network().reaches(upload, "failed");
    expect(await rowOf(upload)).toMatchObject({
      failureCode: "MINERS_NOT_ENOUGH",
      failureReason: expect.stringMatching(/12 columns have no miner: .*quarantine 12/),
    });
    for (const account of nobody) await network().request("minerRelease", { account, ...by });
    const { uploadId } = upload;
    expect(await network().request("dealResume", { uploadId, ...by })).toEqual({ state: "opened" });
    await expect(network().request("dealResume", { uploadId, ...by })).rejects.toMatchObject({
      code: "DEAL_NOT_FAILED",
    });
    await network().reaches(upload, "active");
    expect(new Set(await holdersOnChain(upload))).toEqual(new Set(nobody));
  });
});

describe("a wish of the gateway's own", () => {
  it("goes with the uploader's, and twelve miners stay twelve", async () => {
    const all = network().miners.all.map(({ account }) => account);
    await start({ PLACEMENT_AVOID: all.slice(0, 2).join(","), PLACEMENT_PREFER: all.slice(4, 6).join(",") });
    const upload = await small();
    await network().announce(upload, { placement: { avoid: all.slice(2, 4) } });
    await network().reaches(upload, "active");
    expect(new Set(await holdersOnChain(upload))).toEqual(new Set(all.slice(4)));
  });
});

describe("a column that is late", () => {
  it("goes to a second miner too, and stays with the one that has it first", async () => {
    const slow = minerAt(7);
    slow.behaviour = "slow";
    // Nothing else ends it in time.
    await start({ STALL_MIN: "60s" });
    const upload = await small();
    await network().announce(upload, { placement: { prefer: [slow.account] } });
    await network().reaches(upload, "active");
    const attempts = await attemptsOf(upload);
    expect(attempts.filter(({ miner }) => miner === slow.account)).toMatchObject([{ outcome: "HEDGE_LOST" }]);
    expect(attempts).toHaveLength(13);
    expect(await holdersOnChain(upload)).not.toContain(slow.account);
    // Being slower than another sends nobody to rest.
    expect((await minerOf(slow))?.standing).toBe("available");
  });
});
