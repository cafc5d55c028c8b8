import { MiB } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { until, useNetwork } from "./support/harness.js";

const { network, start, small, declarationsOf, openTransactions, rowOf, attemptsOf, holdersOnChain } = useNetwork();

describe("a deal", () => {
  it("becomes active with its columns on twelve miners, and every step is told", async () => {
    await start();
    const upload = await network().stage(40 * MiB);
    await network().announce(upload);
    await network().reaches(upload, "active");
    const deal = await network().show(upload);
    expect(new Set(deal.columns.map(({ miner }) => miner)).size).toBe(12);
    expect(deal.columns.every(({ state }) => state === "reported")).toBe(true);
    expect(await holdersOnChain(upload)).toEqual(deal.columns.map(({ miner }) => miner));
    // Facts come in any order; none is missing and none is told twice.
    const told = network().told.get(upload.uploadId) ?? [];
    await until("every revision", () => told.length >= deal.revision);
    const revisions = told.map(({ revision }) => revision).sort((a, b) => a - b);
    expect(revisions).toEqual([...told.keys()].map((i) => i + 1));
    expect(declarationsOf(upload)).toHaveLength(1);
    // Every fragment went to its miner exactly once, and fragments of zeros only by name.
    const sent = network().miners.sent.filter(({ fid }) => fid === upload.fid);
    expect(sent).toHaveLength(24);
    expect(new Set(sent.map(({ bytes }) => bytes))).toEqual(new Set([8 * MiB, 0]));
    await until("all transactions are final", async () => (await openTransactions()) === 0);
  });

  it("tells its standing again when it hears of the upload again", async () => {
    await start();
    const upload = await small();
    await network().announce(upload);
    await network().reaches(upload, "active");
    const { revision } = network().standing(upload) ?? { revision: 0 };
    await network().announce(upload);
    await until("a new revision", () => (network().standing(upload)?.revision ?? 0) > revision);
    expect(network().standing(upload)).toMatchObject({ state: "active", reportedColumns: 12 });
    expect(declarationsOf(upload)).toHaveLength(1);
  });

  it("becomes active without one message from the indexer", async () => {
    network().indexer.speaks = false;
    await start({ REVIEW_INTERVAL: "500ms" });
    const upload = await small();
    await network().announce(upload);
    await network().reaches(upload, "active");
  });

  it("becomes active though Redis and NATS are wiped on the way", async () => {
    await start({ REVIEW_INTERVAL: "500ms" });
    for (const miner of network().miners.all) miner.behaviour = "hesitant";
    const upload = await small();
    await network().announce(upload);
    await until("placed", () => network().standing(upload)?.placedColumns === 12);
    await Promise.all([network().servers.redis.wipe(), network().servers.nats.wipe()]);
    for (const miner of network().miners.all) network().miners.reportAll(miner, upload.fid);
    await until("active", async () => (await rowOf(upload))?.state === "active");
    await network().reaches(upload, "active");
    const next = await small();
    await until("the stream is there again", () =>
      network()
        .announce(next)
        .then(
          () => true,
          () => false,
        ),
    );
    for (const miner of network().miners.all) miner.behaviour = "honest";
    await network().reaches(next, "active");
  });

  it("starts over when its order vanishes from the chain", async () => {
    await start({ REVIEW_INTERVAL: "500ms" });
    for (const miner of network().miners.all) miner.behaviour = "silent";
    const upload = await small();
    await network().announce(upload);
    await until("placed", () => network().standing(upload)?.placedColumns === 12);
    network().chain.act((state) => state.deals.delete(upload.fid));
    for (const miner of network().miners.all) miner.behaviour = "honest";
    await network().reaches(upload, "active");
    expect(declarationsOf(upload).map(({ replaced }) => replaced)).toEqual([false, false]);
  });
});

describe("several schedulers", () => {
  it("share the work: every deal is declared once and every fragment sent once", async () => {
    await start({ SEND_CONCURRENCY: "2" });
    await start({ SEND_CONCURRENCY: "2" });
    const uploads = await Promise.all(Array.from({ length: 6 }, small));
    await Promise.all(uploads.map((upload) => network().announce(upload)));
    await Promise.all(uploads.map((upload) => network().reaches(upload, "active", 60_000)));
    for (const upload of uploads) {
      expect(declarationsOf(upload)).toHaveLength(1);
      expect(network().miners.sent.filter(({ fid }) => fid === upload.fid)).toHaveLength(12);
    }
  });

  it("one after the other: what the first was sending the second sends to its end", async () => {
    network().miners.delayMs = 1_500;
    const first = await network().start();
    const upload = await network().stage(100 * MiB);
    await network().announce(upload);
    await until("fragments are on their way", () => network().miners.sent.some(({ fid }) => fid === upload.fid));
    await first.stop();
    expect((await rowOf(upload))?.columns.map(({ state }) => state)).not.toContain("sending");
    network().miners.delayMs = 0;
    await start();
    await network().reaches(upload, "active");
    expect(declarationsOf(upload)).toHaveLength(1);
    expect((await attemptsOf(upload)).filter(({ outcome }) => outcome === "MINER_CALL_ABORTED").length).toBeGreaterThan(
      0,
    );
    const marks = await network().database.minerRecord.findMany({ where: { beta: { gt: 0 } } });
    expect(marks).toEqual([]);
  });

  it("one killed in the middle: its columns are taken over when their leases are over", async () => {
    for (const miner of network().miners.all) miner.behaviour = "silent";
    const first = await network().start();
    const upload = await small();
    await network().announce(upload);
    await until("placed", () => network().standing(upload)?.placedColumns === 12);
    await first.stop();
    // As a killed process leaves them: under way, by nobody.
    const leaseUntil = new Date(Date.now() + 1_000);
    await network().database.dealColumn.updateMany({
      where: { uploadId: upload.uploadId },
      data: { state: "sending", leaseUntil },
    });
    for (const miner of network().miners.all) miner.behaviour = "honest";
    await start();
    await network().reaches(upload, "active");
    const attempts = await attemptsOf(upload);
    expect(attempts.filter(({ outcome }) => outcome === "LEASE_LAPSED").length).toBe(12);
  });
});

describe("requests", () => {
  it("deletes a file in a block, and says why it cannot", async () => {
    await start();
    const upload = await small();
    await network().announce(upload);
    await network().reaches(upload, "active");
    const { fid, account } = upload;
    await expect(network().request("objectDelete", { account: network().other, fid })).rejects.toMatchObject({
      code: "FILE_NOT_OWNED",
    });
    const { blockNumber } = await network().request("objectDelete", { account, fid });
    expect(network().chain.blocks[blockNumber]?.state.files.has(fid)).toBe(false);
    await expect(network().request("objectDelete", { account, fid })).rejects.toMatchObject({ code: "FID_UNKNOWN" });
  });

  it("shows the gateway, registered on chain under its domain", async () => {
    await start({ GATEWAY_DOMAIN: "http://gateway.example" });
    await until("registration", async () => (await network().request("gatewayShow", {})).isRegistered);
    expect(await network().request("gatewayShow", {})).toEqual({
      account: network().gateway,
      freeBalance: "1000",
      isRegistered: true,
    });
    expect(await network().chain.reader.gateway(network().gateway, "best")).toMatchObject({
      domain: "http://gateway.example",
    });
  });

  it("lists the miners page by page", async () => {
    await start();
    const first = await network().request("minersList", { after: null, count: 10 });
    const second = await network().request("minersList", { after: first.next, count: 10 });
    expect(second.next).toBeNull();
    const all = [...first.miners, ...second.miners].map(({ account }) => account);
    expect(all.sort()).toEqual(
      network()
        .miners.all.map(({ account }) => account)
        .sort(),
    );
  });

  it("counts in metrics what happened", async () => {
    const app = await start();
    const upload = await small();
    await network().announce(upload);
    await network().reaches(upload, "active");
    const text = await (await fetch(`${app.url}/metrics`)).text();
    expect(text).toMatch(/granary_scheduler_columns_total\{outcome="reported",service="scheduler"\} 12/);
    expect(text).toMatch(/granary_scheduler_deal_active_seconds_count\{service="scheduler"\} 1/);
    expect(text).toMatch(/granary_scheduler_miners\{standing="available",service="scheduler"\} 16/);
    expect((await fetch(`${app.url}/ready`)).status).toBe(200);
  });
});
