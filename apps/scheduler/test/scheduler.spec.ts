import { createHash } from "node:crypto";
import type { PreparedExtrinsic } from "@granary/chain-client";
import { accountOf, loadSigner } from "@granary/chain-client";
import { GiB, MiB } from "@granary/primitives";
import type { Service } from "@granary/service-runtime";
import { poll } from "@granary/testnet";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { FakeMiner } from "./support/fake-miners.js";
import { type Network, startNetwork, type Upload } from "./support/network.js";

let network: Network;
const apps: Service[] = [];
const start = async (...args: Parameters<Network["start"]>): Promise<Service> => {
  const app = await network.start(...args);
  apps.push(app);
  return app;
};
const stopAll = async () => {
  for (const app of apps.splice(0)) await app.stop();
};

beforeAll(async () => {
  network = await startNetwork();
});
afterAll(() => network.stop());
beforeEach(() => {
  for (const miner of network.miners.all) miner.behaviour = "honest";
  network.miners.delayMs = 0;
  network.indexer.speaks = true;
  network.chain.beforeSubmit = () => {};
});
afterEach(async () => {
  await stopAll();
  await network.database.minerRecord.deleteMany();
  await network.database.deal.deleteMany({ where: { state: { not: "active" } } });
});

const declarationsOf = ({ fid }: Upload) => network.chain.declared.filter((one) => one.fid === fid);
const openTransactions = () =>
  network.database.chainTransaction.count({ where: { state: { in: ["prepared", "submitted", "included"] } } });
const rowOf = ({ uploadId }: Upload) =>
  network.database.deal.findUnique({ where: { uploadId }, include: { columns: true } });
const attemptsOf = ({ uploadId }: Upload) => network.database.placementAttempt.findMany({ where: { uploadId } });
const minerOf = async (miner: FakeMiner) => {
  const { miners } = await network.request("minersList", { after: null, count: 1000 });
  return miners.find(({ account }) => account === miner.account);
};
const until = async (what: string, ask: () => boolean | Promise<boolean>, timeoutMs = 90_000) => {
  if (!(await poll(ask, timeoutMs))) throw new Error(`did not happen in time: ${what}`);
};
const small = () => network.stage(100_000);
/** The chain's own view of who holds the file. */
const holdersOnChain = async ({ fid }: Upload) =>
  (await network.chain.reader.file(fid))?.segments[0]?.fragments.map(({ miner }) => miner);

describe("a deal", () => {
  it("becomes active with its columns on twelve miners, and every step is told", async () => {
    await start();
    const upload = await network.stage(40 * MiB);
    await network.announce(upload);
    await network.reaches(upload, "active");
    const deal = await network.show(upload);
    expect(new Set(deal.columns.map(({ miner }) => miner)).size).toBe(12);
    expect(deal.columns.every(({ state }) => state === "reported")).toBe(true);
    expect(await holdersOnChain(upload)).toEqual(deal.columns.map(({ miner }) => miner));
    const told = network.told.get(upload.uploadId) ?? [];
    expect(told.map(({ revision }) => revision)).toEqual([...told.keys()].map((i) => i + 1));
    expect(declarationsOf(upload)).toHaveLength(1);
    // Every fragment went to its miner exactly once, and fragments of zeros only by name.
    const sent = network.miners.sent.filter(({ fid }) => fid === upload.fid);
    expect(sent).toHaveLength(24);
    expect(new Set(sent.map(({ bytes }) => bytes))).toEqual(new Set([8 * MiB, 0]));
    await until("all transactions are final", async () => (await openTransactions()) === 0);
  });

  it("tells its standing again when it hears of the upload again", async () => {
    await start();
    const upload = await small();
    await network.announce(upload);
    await network.reaches(upload, "active");
    const { revision } = network.standing(upload) ?? { revision: 0 };
    await network.announce(upload);
    await until("a new revision", () => (network.standing(upload)?.revision ?? 0) > revision);
    expect(network.standing(upload)).toMatchObject({ state: "active", reportedColumns: 12 });
    expect(declarationsOf(upload)).toHaveLength(1);
  });

  it("becomes active without one message from the indexer", async () => {
    network.indexer.speaks = false;
    await start({ REVIEW_INTERVAL: "500ms" });
    const upload = await small();
    await network.announce(upload);
    await network.reaches(upload, "active");
  });

  it("becomes active though Redis and NATS are wiped on the way", async () => {
    await start({ REVIEW_INTERVAL: "500ms" });
    for (const miner of network.miners.all) miner.behaviour = "hesitant";
    const upload = await small();
    await network.announce(upload);
    await until("placed", () => network.standing(upload)?.placedColumns === 12);
    await Promise.all([network.servers.redis.wipe(), network.servers.nats.wipe()]);
    for (const miner of network.miners.all) network.miners.reportAll(miner, upload.fid);
    await until("active", async () => (await rowOf(upload))?.state === "active");
    await network.reaches(upload, "active");
    const next = await small();
    await until("the stream is there again", () =>
      network.announce(next).then(
        () => true,
        () => false,
      ),
    );
    for (const miner of network.miners.all) miner.behaviour = "honest";
    await network.reaches(next, "active");
  });

  it("starts over when its order vanishes from the chain", async () => {
    await start({ REVIEW_INTERVAL: "500ms" });
    for (const miner of network.miners.all) miner.behaviour = "silent";
    const upload = await small();
    await network.announce(upload);
    await until("placed", () => network.standing(upload)?.placedColumns === 12);
    network.chain.act((state) => state.deals.delete(upload.fid));
    for (const miner of network.miners.all) miner.behaviour = "honest";
    await network.reaches(upload, "active");
    expect(declarationsOf(upload).map(({ replaced }) => replaced)).toEqual([false, false]);
  });
});

describe("a miner", () => {
  it("that never reports loses its column to another, and rests", async () => {
    const silent = network.miners.all[3] as FakeMiner;
    silent.behaviour = "silent";
    await start({ REPORT_DEADLINE_BASE: "8s" });
    const upload = await small();
    await network.announce(upload, { placement: { prefer: [silent.account] } });
    await network.reaches(upload, "active");
    expect(await holdersOnChain(upload)).not.toContain(silent.account);
    const attempts = await attemptsOf(upload);
    const missed = attempts.filter(({ outcome }) => outcome === "REPORT_MISSED");
    expect(missed.map(({ miner }) => miner)).toEqual([silent.account]);
    expect(attempts.filter(({ index }) => index === missed[0]?.index)).toHaveLength(2);
    expect(attempts).toHaveLength(13);
    expect(await minerOf(silent)).toMatchObject({ standing: "cooldown", lastFailureCode: "REPORT_MISSED" });
  });

  it("that reports late keeps the column and gets most of its mark back", async () => {
    for (const miner of network.miners.all) miner.behaviour = "hesitant";
    await start({ REPORT_DEADLINE_BASE: "8s" });
    const upload = await small();
    await network.announce(upload);
    const missed = async () => (await attemptsOf(upload)).filter(({ outcome }) => outcome === "REPORT_MISSED");
    await until("a report is missed", async () => (await missed()).length > 0);
    const [late] = await missed();
    const miner = network.miners.of(late?.miner as never);
    network.chain.report(upload.fid, late?.index ?? 0, miner.account);
    await until("the late report counts", async () => {
      const attempt = (await attemptsOf(upload)).find(({ id }) => id === late?.id);
      return attempt?.outcome === "report_late";
    });
    expect(await minerOf(miner)).toMatchObject({ standing: "available" });
    expect((await minerOf(miner))?.beta).toBeCloseTo(1, 1);
    const column = (await network.show(upload)).columns.find(({ index }) => index === late?.index);
    expect(column).toMatchObject({ state: "reported", miner: miner.account });
    const honest = setInterval(() => {
      for (const one of network.miners.all) network.miners.reportAll(one, upload.fid);
    }, 500);
    await network.reaches(upload, "active").finally(() => clearInterval(honest));
    expect(await holdersOnChain(upload)).toContain(miner.account);
  });

  it("that refuses three times in a row rests, and is not asked meanwhile", async () => {
    const refusing = network.miners.all[5] as FakeMiner;
    refusing.behaviour = "refusing";
    await start();
    const uploads: Upload[] = [];
    for (let i = 0; i < 4; i += 1) {
      const upload = await small();
      uploads.push(upload);
      await network.announce(upload, { placement: { prefer: [refusing.account] } });
      await network.reaches(upload, "active");
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
    const flaky = network.miners.all[6] as FakeMiner;
    flaky.behaviour = "dead";
    await start({ COOLDOWN_BASE: "1s" }, { policy: { failuresToCooldown: 1 } });
    const first = await small();
    await network.announce(first, { placement: { prefer: [flaky.account] } });
    await network.reaches(first, "active");
    // Dead, it fails its probe and rests again.
    await until("it fails a probe", async () => {
      const row = await network.database.minerRecord.findUnique({ where: { account: flaky.account } });
      return (row?.cooldownExponent ?? 0) >= 2;
    });
    flaky.behaviour = "honest";
    await until("its rest is over", async () => (await minerOf(flaky))?.standing === "probing");
    const second = await small();
    await network.announce(second, { placement: { prefer: [flaky.account] } });
    await network.reaches(second, "active");
    expect(await holdersOnChain(second)).toContain(flaky.account);
    expect(await minerOf(flaky)).toMatchObject({ standing: "available", consecutiveFailures: 0 });
  });

  it("that holds up the others leaves the round", async () => {
    const slow = network.miners.all[7] as FakeMiner;
    slow.behaviour = "slow";
    await start({ STALL_MIN: "1s" });
    const upload = await small();
    await network.announce(upload, { placement: { prefer: [slow.account] } });
    await network.reaches(upload, "active");
    expect((await attemptsOf(upload)).filter(({ miner }) => miner === slow.account)).toMatchObject([
      { outcome: "MINER_TOO_SLOW" },
    ]);
  });

  it("that served wrong bytes is given nothing more", async () => {
    const liar = network.miners.all[8] as FakeMiner;
    await start();
    const upload = await small();
    const fragment = upload.segments[0]?.fragments[0] as never;
    await network.publish("fragmentCorrupt", { fid: upload.fid, fragment, miner: liar.account, reason: "digest" });
    await until("quarantine", async () => (await minerOf(liar))?.standing === "quarantined");
    await network.announce(upload, { placement: { prefer: [liar.account] } });
    await network.reaches(upload, "active");
    expect(await attemptsOf(upload)).not.toContainEqual(expect.objectContaining({ miner: liar.account }));
  });
});

describe("a miner that the chain does not have any more", () => {
  it("is given nothing", async () => {
    const gone = accountOf(new Uint8Array(32).fill(99));
    const long = new Date(Date.now() - 60_000);
    const facts = { chainState: "positive", endpoint: "http://127.0.0.1:9", idleBytes: BigInt(GiB) };
    await network.database.minerRecord.create({ data: { account: gone, ...facts, updatedAt: long } });
    await start();
    await until("retired", async () => {
      const row = await network.database.minerRecord.findUnique({ where: { account: gone } });
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
    await network.staging.writePart({ uploadId: upload.uploadId, index: 0, body: wrong(), maxBytes: 32 });
    await network.announce(upload);
    await until("the corruption is seen", async () =>
      (await attemptsOf(upload)).some(({ outcome }) => outcome === "STAGED_BYTES_CORRUPT"),
    );
    const sent = network.miners.sent.filter(({ fid }) => fid === upload.fid);
    expect(sent.filter(({ bytes }) => bytes > 0)).toEqual([]);
    expect((await minerOf(network.miners.all[0] as FakeMiner))?.beta).toBe(0);
  });
});

describe("declaring", () => {
  it("never overwrites the open deal of somebody else, and joins the file that comes of it", async () => {
    await start({ REVIEW_INTERVAL: "500ms" });
    const upload = await small();
    const { fid, segments, sizeBytes } = upload;
    const declaration = { fid, segments, sizeBytes, owner: network.other, name: "theirs", territory: "home" };
    network.chain.declareAs(declaration);
    await until("their deal is open", async () => (await network.chain.reader.deal(fid)) !== null);
    await network.announce(upload);
    await until("ours waits", async () => (await rowOf(upload))?.failureCode === "DEAL_OPEN_ELSEWHERE");
    for (const [i, miner] of network.miners.all.slice(0, 12).entries()) network.chain.report(fid, i + 1, miner.account);
    await network.reaches(upload, "active");
    expect(declarationsOf(upload).map(({ owner, replaced }) => ({ owner, replaced }))).toEqual([
      { owner: network.other, replaced: false },
      { owner: network.account, replaced: false },
    ]);
    expect(network.miners.sent.filter((one) => one.fid === fid)).toEqual([]);
    expect((await network.chain.reader.file(fid))?.owners.map(({ account }) => account)).toEqual([
      network.other,
      network.account,
    ]);
  });

  it("refuses a stored file of the same FID with other content", async () => {
    await start();
    const upload = await small();
    const { fid, segments, sizeBytes } = upload;
    const declaration = {
      fid,
      segments,
      sizeBytes: sizeBytes + 1,
      owner: network.other,
      name: "theirs",
      territory: "home",
    };
    network.chain.declareAs(declaration);
    for (const [i, miner] of network.miners.all.slice(0, 12).entries()) network.chain.report(fid, i + 1, miner.account);
    await until("the file is there", async () => (await network.chain.reader.file(fid)) !== null);
    await network.announce(upload);
    await network.reaches(upload, "failed");
    expect(network.standing(upload)?.failure?.code).toBe("FID_CONFLICT");
    expect(declarationsOf(upload)).toHaveLength(1);
  });

  it("does not declare again what is stored already for this owner, and joins for another", async () => {
    await start();
    const content = Buffer.alloc(50_000, "same bytes");
    const first = await network.stage(content.length, network.account, content);
    const twin = await network.stage(content.length, network.account, content);
    const joined = await network.stage(content.length, network.other, content);
    await Promise.all([first, twin, joined].map((upload) => network.announce(upload)));
    await Promise.all([first, twin, joined].map((upload) => network.reaches(upload, "active")));
    const owners = declarationsOf(first).map(({ owner }) => owner);
    expect(owners.sort()).toEqual([network.account, network.other].sort());
    expect(declarationsOf(first).some(({ replaced }) => replaced)).toBe(false);
    // Sent for one of them only.
    expect(network.miners.sent.filter(({ fid }) => fid === first.fid)).toHaveLength(12);
  });

  it("waits for an obstacle to pass, and fails with its code when it does not", async () => {
    await start({ OBSTACLE_PATIENCE: "4s" });
    const tooLate = await small();
    const inTime = await small();
    await network.announce(tooLate, { territory: "nowhere" });
    await network.announce(inTime, { territory: "soon" });
    await until("both wait", async () => {
      const rows = await Promise.all([rowOf(tooLate), rowOf(inTime)]);
      return rows.every((row) => row?.failureCode === "TERRITORY_UNKNOWN" && row.state === "opened");
    });
    network.chain.buyTerritory(network.account, "soon", GiB);
    await network.reaches(inTime, "active");
    await network.reaches(tooLate, "failed");
    expect(network.standing(tooLate)?.failure?.code).toBe("TERRITORY_UNKNOWN");
    expect((await network.show(inTime)).failure).toBeNull();
  });
});

describe("a crash around a declaration", () => {
  /** What the process that died had prepared, in the state in which it left it. */
  async function leaveBehind(
    upload: Upload,
    state: "prepared" | "submitted",
    reach: (prepared: PreparedExtrinsic) => void = () => {},
  ): Promise<PreparedExtrinsic> {
    const app = await network.start();
    network.chain.beforeSubmit = () => {
      throw new Error("not yet");
    };
    await network.announce(upload, { territory: "nowhere" });
    await until(
      "the deal is open",
      async () => (await network.database.deal.count({ where: { uploadId: upload.uploadId } })) === 1,
    );
    await app.stop();
    const { fid, segments, sizeBytes, account, uploadId } = upload;
    const signer = await loadSigner("//Gateway");
    const call = network.chain.calls.uploadDeclaration({
      fid,
      segments,
      owner: account,
      name: "file.bin",
      territory: "home",
      sizeBytes,
    });
    const nonce = await network.chain.reader.nonce(signer.account, "best");
    const prepared = await network.chain.writer.prepare(signer, call, { nonce });
    const long = new Date(Date.now() - 60_000);
    await network.database.chainTransaction.create({
      data: {
        id: uploadId,
        account: signer.account,
        nonce,
        hash: prepared.hash,
        purpose: "declare",
        reference: uploadId,
        extrinsic: prepared.extrinsicHex,
        birthBlock: BigInt(prepared.birthBlock),
        deathBlock: BigInt(prepared.deathBlock),
        state,
        updatedAt: long,
      },
    });
    await network.database.deal.update({
      where: { uploadId },
      data: { territory: "home", state: "declaring", leaseUntil: long, notBefore: long, failureCode: null },
    });
    network.chain.beforeSubmit = () => {};
    reach(prepared);
    return prepared;
  }

  it("before the submission: declares once, with the same nonce", async () => {
    const upload = await small();
    const { nonce } = await leaveBehind(upload, "prepared");
    await start();
    await network.reaches(upload, "active");
    expect(declarationsOf(upload)).toHaveLength(1);
    const rows = await network.database.chainTransaction.findMany({ where: { reference: upload.uploadId } });
    expect(rows.map((row) => [row.nonce, row.state === "lost"])).toEqual([
      [nonce, true],
      [nonce, false],
    ]);
  });

  it("after the mark, before the pool has it: submits the same bytes, once", async () => {
    const upload = await small();
    const { hash } = await leaveBehind(upload, "submitted");
    await start();
    await network.reaches(upload, "active");
    expect(declarationsOf(upload)).toHaveLength(1);
    const rows = await network.database.chainTransaction.findMany({ where: { reference: upload.uploadId } });
    expect(rows.map((row) => row.hash)).toEqual([hash]);
  });

  it("after the submission: finds the deal in its block and goes on from there", async () => {
    const upload = await small();
    const { hash, extrinsicHex } = await leaveBehind(upload, "submitted");
    for await (const update of network.chain.writer.submit(extrinsicHex)) if (update.kind === "inBlock") break;
    expect(declarationsOf(upload)).toHaveLength(1);
    await start();
    await network.reaches(upload, "active");
    expect(declarationsOf(upload)).toHaveLength(1);
    const rows = await network.database.chainTransaction.findMany({ where: { reference: upload.uploadId } });
    expect(rows.map((row) => row.hash)).toEqual([hash]);
    await until("final", async () => (await openTransactions()) === 0);
  });

  it("leaves no gap in the lane when a node refuses a transaction", async () => {
    let refusals = 2;
    network.chain.beforeSubmit = () => {
      refusals -= 1;
      if (refusals >= 0) throw Object.assign(new Error("full"), { code: "X" });
    };
    await start();
    const uploads = await Promise.all([small(), small(), small()]);
    await Promise.all(uploads.map((upload) => network.announce(upload)));
    await Promise.all(uploads.map((upload) => network.reaches(upload, "active")));
    for (const upload of uploads) expect(declarationsOf(upload)).toHaveLength(1);
  });
});

describe("several schedulers", () => {
  it("share the work: every deal is declared once and every fragment sent once", async () => {
    await start({ SEND_CONCURRENCY: "2" });
    await start({ SEND_CONCURRENCY: "2" });
    const uploads = await Promise.all(Array.from({ length: 6 }, small));
    await Promise.all(uploads.map((upload) => network.announce(upload)));
    await Promise.all(uploads.map((upload) => network.reaches(upload, "active", 60_000)));
    for (const upload of uploads) {
      expect(declarationsOf(upload)).toHaveLength(1);
      expect(network.miners.sent.filter(({ fid }) => fid === upload.fid)).toHaveLength(12);
    }
  });

  it("one after the other: what the first was sending the second sends to its end", async () => {
    network.miners.delayMs = 1_500;
    const first = await network.start();
    const upload = await network.stage(100 * MiB);
    await network.announce(upload);
    await until("fragments are on their way", () => network.miners.sent.some(({ fid }) => fid === upload.fid));
    await first.stop();
    expect((await rowOf(upload))?.columns.map(({ state }) => state)).not.toContain("sending");
    network.miners.delayMs = 0;
    await start();
    await network.reaches(upload, "active");
    expect(declarationsOf(upload)).toHaveLength(1);
    expect((await attemptsOf(upload)).filter(({ outcome }) => outcome === "MINER_CALL_ABORTED").length).toBeGreaterThan(
      0,
    );
    const marks = await network.database.minerRecord.findMany({ where: { beta: { gt: 0 } } });
    expect(marks).toEqual([]);
  });

  it("one killed in the middle: its columns are taken over when their leases are over", async () => {
    for (const miner of network.miners.all) miner.behaviour = "silent";
    const first = await network.start();
    const upload = await small();
    await network.announce(upload);
    await until("placed", () => network.standing(upload)?.placedColumns === 12);
    await first.stop();
    // As a killed process leaves them: under way, by nobody.
    const leaseUntil = new Date(Date.now() + 1_000);
    await network.database.dealColumn.updateMany({
      where: { uploadId: upload.uploadId },
      data: { state: "sending", leaseUntil },
    });
    for (const miner of network.miners.all) miner.behaviour = "honest";
    await start();
    await network.reaches(upload, "active");
    const attempts = await attemptsOf(upload);
    expect(attempts.filter(({ outcome }) => outcome === "LEASE_LAPSED").length).toBe(12);
  });
});

describe("requests", () => {
  it("deletes a file in a block, and says why it cannot", async () => {
    await start();
    const upload = await small();
    await network.announce(upload);
    await network.reaches(upload, "active");
    const { fid, account } = upload;
    await expect(network.request("objectDelete", { account: network.other, fid })).rejects.toMatchObject({
      code: "FILE_NOT_OWNED",
    });
    const { blockNumber } = await network.request("objectDelete", { account, fid });
    expect(network.chain.blocks[blockNumber]?.state.files.has(fid)).toBe(false);
    await expect(network.request("objectDelete", { account, fid })).rejects.toMatchObject({ code: "FILE_UNKNOWN" });
  });

  it("shows the gateway, registered on chain under its domain", async () => {
    await start({ GATEWAY_DOMAIN: "http://gateway.example" });
    await until("registration", async () => (await network.request("gatewayShow", {})).isRegistered);
    expect(await network.request("gatewayShow", {})).toEqual({
      account: network.gateway,
      freeBalance: "1000",
      isRegistered: true,
    });
    expect(await network.chain.reader.gateway(network.gateway, "best")).toMatchObject({
      domain: "http://gateway.example",
    });
  });

  it("lists the miners page by page", async () => {
    await start();
    const first = await network.request("minersList", { after: null, count: 10 });
    const second = await network.request("minersList", { after: first.next, count: 10 });
    expect(second.next).toBeNull();
    const all = [...first.miners, ...second.miners].map(({ account }) => account);
    expect(all.sort()).toEqual(network.miners.all.map(({ account }) => account).sort());
  });

  it("counts in metrics what happened", async () => {
    const app = await start();
    const upload = await small();
    await network.announce(upload);
    await network.reaches(upload, "active");
    const text = await (await fetch(`${app.url}/metrics`)).text();
    expect(text).toMatch(/granary_scheduler_columns_total\{outcome="reported",service="scheduler"\} 12/);
    expect(text).toMatch(/granary_scheduler_deal_active_seconds_count\{service="scheduler"\} 1/);
    expect(text).toMatch(/granary_scheduler_miners\{standing="available",service="scheduler"\} 16/);
    expect((await fetch(`${app.url}/ready`)).status).toBe(200);
  });
});
