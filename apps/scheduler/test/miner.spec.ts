import { createHash } from "node:crypto";
import { accountOf } from "@granary/chain-client";
import { GiB } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import type { FakeMiner } from "./support/fake-miners.js";
import { until, useNetwork } from "./support/harness.js";
import type { Upload } from "./support/network.js";

const { network, start, small, attemptsOf, minerOf, holdersOnChain } = useNetwork();

describe("a miner", () => {
  it("that never reports loses its column to another, and rests", async () => {
    const silent = network().miners.all[3] as FakeMiner;
    silent.behaviour = "silent";
    await start({ REPORT_DEADLINE_BASE: "8s" });
    const upload = await small();
    await network().announce(upload, { placement: { prefer: [silent.account] } });
    await network().reaches(upload, "active");
    expect(await holdersOnChain(upload)).not.toContain(silent.account);
    const attempts = await attemptsOf(upload);
    const missed = attempts.filter(({ outcome }) => outcome === "REPORT_MISSED");
    expect(missed.map(({ miner }) => miner)).toEqual([silent.account]);
    expect(attempts.filter(({ index }) => index === missed[0]?.index)).toHaveLength(2);
    expect(attempts).toHaveLength(13);
    expect(await minerOf(silent)).toMatchObject({ standing: "cooldown", lastFailureCode: "REPORT_MISSED" });
  });

  it("that reports late keeps the column and gets most of its mark back", async () => {
    for (const miner of network().miners.all) miner.behaviour = "hesitant";
    await start({ REPORT_DEADLINE_BASE: "8s" });
    const upload = await small();
    await network().announce(upload);
    const missed = async () => (await attemptsOf(upload)).filter(({ outcome }) => outcome === "REPORT_MISSED");
    await until("a report is missed", async () => (await missed()).length > 0);
    const [late] = await missed();
    const miner = network().miners.of(late?.miner as never);
    network().chain.report(upload.fid, late?.index ?? 0, miner.account);
    await until("the late report counts", async () => {
      const attempt = (await attemptsOf(upload)).find(({ id }) => id === late?.id);
      return attempt?.outcome === "report_late";
    });
    expect(await minerOf(miner)).toMatchObject({ standing: "available" });
    expect((await minerOf(miner))?.beta).toBeCloseTo(1, 1);
    const column = (await network().show(upload)).columns.find(({ index }) => index === late?.index);
    expect(column).toMatchObject({ state: "reported", miner: miner.account });
    const honest = setInterval(() => {
      for (const one of network().miners.all) network().miners.reportAll(one, upload.fid);
    }, 500);
    await network()
      .reaches(upload, "active")
      .finally(() => clearInterval(honest));
    expect(await holdersOnChain(upload)).toContain(miner.account);
  });

  it("that refuses three times in a row rests, and is not asked meanwhile", async () => {
    const refusing = network().miners.all[5] as FakeMiner;
    refusing.behaviour = "refusing";
    await start();
    const uploads: Upload[] = [];
    for (let i = 0; i < 4; i += 1) {
      const upload = await small();
      uploads.push(upload);
      await network().announce(upload, { placement: { prefer: [refusing.account] } });
      await network().reaches(upload, "active");
    }
    const asked = await Promise.all(
      uploads.map(async (upload) => (await attemptsOf(upload)).filter(({ miner }) => miner === refusing.account)),
    );
    expect(asked.map((attempts) => attempts.map(({ outcome }) => outcome))).toEqual([
      ["MINER_REFUSED"],
      ["MINER_REFUSED"],
      ["MINER_REFUSED"],
      [],
    ]);
    expect(await minerOf(refusing)).toMatchObject({
      standing: "cooldown",
      lastFailureCode: "MINER_REFUSED",
      beta: expect.closeTo(3, 1),
    });
  });

  it("that was mended comes back after its rest, by way of a single column", async () => {
    const flaky = network().miners.all[6] as FakeMiner;
    flaky.behaviour = "dead";
    await start({ COOLDOWN_BASE: "1s" }, { policy: { failuresToCooldown: 1 } });
    const first = await small();
    await network().announce(first, { placement: { prefer: [flaky.account] } });
    await network().reaches(first, "active");
    // Dead, it fails its probe and rests again.
    await until("it fails a probe", async () => {
      const row = await network().database.minerRecord.findUnique({ where: { account: flaky.account } });
      return (row?.cooldownExponent ?? 0) >= 2;
    });
    flaky.behaviour = "honest";
    await until("its rest is over", async () => (await minerOf(flaky))?.standing === "probing");
    const second = await small();
    await network().announce(second, { placement: { prefer: [flaky.account] } });
    await network().reaches(second, "active");
    expect(await holdersOnChain(second)).toContain(flaky.account);
    expect(await minerOf(flaky)).toMatchObject({ standing: "available", consecutiveFailures: 0 });
  });

  it("that holds up the others leaves the round", async () => {
    const slow = network().miners.all[7] as FakeMiner;
    slow.behaviour = "slow";
    await start({ STALL_MIN: "1s" });
    const upload = await small();
    await network().announce(upload, { placement: { prefer: [slow.account] } });
    await network().reaches(upload, "active");
    expect((await attemptsOf(upload)).filter(({ miner }) => miner === slow.account)).toMatchObject([
      { outcome: "MINER_TOO_SLOW" },
    ]);
  });

  it("that served wrong bytes is given nothing more", async () => {
    const liar = network().miners.all[8] as FakeMiner;
    await start();
    const upload = await small();
    const fragment = upload.segments[0]?.fragments[0] as never;
    await network().publish("fragmentCorrupt", { fid: upload.fid, fragment, miner: liar.account, reason: "digest" });
    await until("quarantine", async () => (await minerOf(liar))?.standing === "quarantined");
    await network().announce(upload, { placement: { prefer: [liar.account] } });
    await network().reaches(upload, "active");
    expect(await attemptsOf(upload)).not.toContainEqual(expect.objectContaining({ miner: liar.account }));
  });
});

describe("two replicas that choose at the same instant", () => {
  it("give a miner whose rest is over the one column of its probe, and no second", async () => {
    const returning = network().miners.all[9] as FakeMiner;
    // Its column stays unreported until it is told.
    returning.behaviour = "hesitant";
    const replicas = [await start({ LEASE: "10m" }), await start({ LEASE: "10m" })];
    await network().database.minerRecord.update({
      where: { account: returning.account },
      data: { cooldownUntil: new Date(Date.now() - 1_000), cooldownExponent: 1, isHalfOpen: true },
    });
    const uploads = [await small(), await small()] as const;
    await network().database.$transaction(
      async (tx) => {
        // Both have read the miners and chosen, and neither can commit, before this ends.
        await tx.$executeRawUnsafe("LOCK TABLE scheduling.placement_attempt IN EXCLUSIVE MODE");
        for (const upload of uploads) await network().announce(upload, { placement: { prefer: [returning.account] } });
        await until("both wait to write what they chose", async () => (await waitingRounds()) >= 2, 240_000);
      },
      { timeout: 250_000 },
    );
    const given = async () => (await Promise.all(uploads.map(attemptsOf))).flat();
    await until("both have given out all columns", async () => (await given()).length >= 24);
    const probes = (await given()).filter(({ miner }) => miner === returning.account);
    expect(probes).toMatchObject([{ reason: { isProbe: true } }]);
    expect((await Promise.all(replicas.map(({ url }) => probesCounted(url)))).sort()).toEqual([0, 1]);
    const fidOf = new Map(uploads.map(({ uploadId, fid }) => [uploadId as string, fid]));
    const reporting = setInterval(
      () => network().miners.reportAll(returning, fidOf.get(probes[0]?.uploadId ?? "") as never),
      200,
    );
    await Promise.all(uploads.map((upload) => network().reaches(upload, "active"))).finally(() =>
      clearInterval(reporting),
    );
  });

  const waitingRounds = async (): Promise<number> => {
    const [row] = await network().database.$queryRawUnsafe<{ count: number }[]>(
      `SELECT count(*)::int FROM pg_stat_activity
       WHERE wait_event_type = 'Lock' AND query ILIKE 'INSERT INTO%placement_attempt%'`,
    );
    return row?.count ?? 0;
  };
  const probesCounted = async (url: string): Promise<number> => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return Number(/^granary_scheduler_picks_total\{.*kind="probe".*\} (\d+)$/m.exec(text)?.[1]);
  };
});

describe("a miner that the chain does not have any more", () => {
  it("is given nothing", async () => {
    const gone = accountOf(new Uint8Array(32).fill(99));
    const long = new Date(Date.now() - 60_000);
    const facts = { chainState: "positive", endpoint: "http://127.0.0.1:9", idleBytes: BigInt(GiB) };
    await network().database.minerRecord.create({ data: { account: gone, ...facts, updatedAt: long } });
    await start();
    await until("retired", async () => {
      const row = await network().database.minerRecord.findUnique({ where: { account: gone } });
      return row?.chainState === "not on chain";
    });
  });
});

describe("staged bytes", () => {
  it("that are not what was encoded never reach a miner", async () => {
    await start();
    const upload = await small();
    const wrong = async function* () {
      yield createHash("sha256").update("rot").digest();
    };
    await network().staging.writePart({ uploadId: upload.uploadId, index: 0, body: wrong(), maxBytes: 32 });
    await network().announce(upload);
    await until("the corruption is seen", async () =>
      (await attemptsOf(upload)).some(({ outcome }) => outcome === "STAGED_BYTES_CORRUPT"),
    );
    const sent = network().miners.sent.filter(({ fid }) => fid === upload.fid);
    expect(sent.filter(({ bytes }) => bytes > 0)).toEqual([]);
    expect((await minerOf(network().miners.all[0] as FakeMiner))?.beta).toBe(0);
  });
});
