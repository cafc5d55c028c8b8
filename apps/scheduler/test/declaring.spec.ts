import { loadSigner, type PreparedExtrinsic } from "@granary/chain-client";
import { GiB } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { until, useNetwork } from "./support/harness.js";
import type { Upload } from "./support/network.js";

const { network, start, small, declarationsOf, openTransactions, rowOf } = useNetwork();

describe("declaring", () => {
  it("never overwrites the open deal of somebody else, and joins the file that comes of it", async () => {
    await start({ REVIEW_INTERVAL: "500ms" });
    const upload = await small();
    const { fid, segments, sizeBytes } = upload;
    const declaration = { fid, segments, sizeBytes, owner: network().other, name: "theirs", territory: "home" };
    network().chain.declareAs(declaration);
    await until("their deal is open", async () => (await network().chain.reader.deal(fid)) !== null);
    await network().announce(upload);
    await until("ours waits", async () => (await rowOf(upload))?.failureCode === "DEAL_OPEN_ELSEWHERE");
    for (const [i, miner] of network().miners.all.slice(0, 12).entries())
      network().chain.report(fid, i + 1, miner.account);
    await network().reaches(upload, "active");
    expect(declarationsOf(upload).map(({ owner, replaced }) => ({ owner, replaced }))).toEqual([
      { owner: network().other, replaced: false },
      { owner: network().account, replaced: false },
    ]);
    expect(network().miners.sent.filter((one) => one.fid === fid)).toEqual([]);
    expect((await network().chain.reader.file(fid))?.owners.map(({ account }) => account)).toEqual([
      network().other,
      network().account,
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
      owner: network().other,
      name: "theirs",
      territory: "home",
    };
    network().chain.declareAs(declaration);
    for (const [i, miner] of network().miners.all.slice(0, 12).entries())
      network().chain.report(fid, i + 1, miner.account);
    await until("the file is there", async () => (await network().chain.reader.file(fid)) !== null);
    await network().announce(upload);
    await network().reaches(upload, "failed");
    expect(network().standing(upload)?.failure?.code).toBe("FID_CONFLICT");
    expect(declarationsOf(upload)).toHaveLength(1);
  });

  it("does not declare again what is stored already for this owner, and joins for another", async () => {
    await start();
    const content = Buffer.alloc(50_000, "same bytes");
    const first = await network().stage(content.length, network().account, content);
    const twin = await network().stage(content.length, network().account, content);
    const joined = await network().stage(content.length, network().other, content);
    await Promise.all([first, twin, joined].map((upload) => network().announce(upload)));
    await Promise.all([first, twin, joined].map((upload) => network().reaches(upload, "active")));
    const owners = declarationsOf(first).map(({ owner }) => owner);
    expect(owners.sort()).toEqual([network().account, network().other].sort());
    expect(declarationsOf(first).some(({ replaced }) => replaced)).toBe(false);
    // Sent for one of them only.
    expect(network().miners.sent.filter(({ fid }) => fid === first.fid)).toHaveLength(12);
  });

  it("waits for an obstacle to pass, and fails with its code when it does not", async () => {
    await start({ OBSTACLE_PATIENCE: "4s" });
    const tooLate = await small();
    const inTime = await small();
    await network().announce(tooLate, { territory: "nowhere" });
    await network().announce(inTime, { territory: "soon" });
    await until("both wait", async () => {
      const rows = await Promise.all([rowOf(tooLate), rowOf(inTime)]);
      return rows.every((row) => row?.failureCode === "TERRITORY_UNKNOWN" && row.state === "opened");
    });
    network().chain.buyTerritory(network().account, "soon", GiB);
    await network().reaches(inTime, "active");
    await network().reaches(tooLate, "failed");
    expect(network().standing(tooLate)?.failure?.code).toBe("TERRITORY_UNKNOWN");
    expect((await network().show(inTime)).failure).toBeNull();
  });
});

describe("a crash around a declaration", () => {
  /** What the process that died had prepared, in the state in which it left it. */
  async function leaveBehind(
    upload: Upload,
    state: "prepared" | "submitted",
    reach: (prepared: PreparedExtrinsic) => void = () => {},
  ): Promise<PreparedExtrinsic> {
    const app = await network().start();
    network().chain.beforeSubmit = () => {
      throw new Error("not yet");
    };
    await network().announce(upload, { territory: "nowhere" });
    await until(
      "the deal is open",
      async () => (await network().database.deal.count({ where: { uploadId: upload.uploadId } })) === 1,
    );
    await app.stop();
    const { fid, segments, sizeBytes, account, uploadId } = upload;
    const signer = await loadSigner("//Gateway");
    const call = network().chain.calls.uploadDeclaration({
      fid,
      segments,
      owner: account,
      name: "file.bin",
      territory: "home",
      sizeBytes,
    });
    const nonce = await network().chain.reader.nonce(signer.account, "best");
    const prepared = await network().chain.writer.prepare(signer, call, { nonce });
    const long = new Date(Date.now() - 60_000);
    await network().database.chainTransaction.create({
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
        // What was submitted just now only the deal itself looks after.
        updatedAt: state === "submitted" ? new Date() : long,
      },
    });
    await network().database.deal.update({
      where: { uploadId },
      data: { territory: "home", state: "declaring", leaseUntil: long, notBefore: long, failureCode: null },
    });
    network().chain.beforeSubmit = () => {};
    reach(prepared);
    return prepared;
  }

  it("before the submission: declares once, with the same nonce", async () => {
    const upload = await small();
    const { nonce } = await leaveBehind(upload, "prepared");
    await start();
    await network().reaches(upload, "active");
    expect(declarationsOf(upload)).toHaveLength(1);
    const rows = await network().database.chainTransaction.findMany({
      where: { reference: upload.uploadId },
      orderBy: { createdAt: "asc" },
    });
    expect(rows.map((row) => [row.nonce, row.state === "lost"])).toEqual([
      [nonce, true],
      [nonce, false],
    ]);
  });

  it("after the mark, before the pool has it: submits the same bytes, once", async () => {
    const upload = await small();
    const { hash } = await leaveBehind(upload, "submitted");
    await start();
    await network().reaches(upload, "active");
    expect(declarationsOf(upload)).toHaveLength(1);
    const rows = await network().database.chainTransaction.findMany({ where: { reference: upload.uploadId } });
    expect(rows.map((row) => row.hash)).toEqual([hash]);
  });

  it("after the submission: finds the deal in its block and goes on from there", async () => {
    const upload = await small();
    const { hash, extrinsicHex } = await leaveBehind(upload, "submitted");
    for await (const update of network().chain.writer.submit(extrinsicHex)) if (update.kind === "inBlock") break;
    expect(declarationsOf(upload)).toHaveLength(1);
    await start();
    await network().reaches(upload, "active");
    expect(declarationsOf(upload)).toHaveLength(1);
    const rows = await network().database.chainTransaction.findMany({ where: { reference: upload.uploadId } });
    expect(rows.map((row) => row.hash)).toEqual([hash]);
    expect(rows[0]?.state).not.toBe("lost");
    await until("final", async () => (await openTransactions()) === 0);
  });

  it("leaves no gap in the lane when a node refuses a transaction", async () => {
    let refusals = 2;
    network().chain.beforeSubmit = () => {
      refusals -= 1;
      if (refusals >= 0) throw Object.assign(new Error("full"), { code: "X" });
    };
    await start();
    const uploads = await Promise.all([small(), small(), small()]);
    await Promise.all(uploads.map((upload) => network().announce(upload)));
    await Promise.all(uploads.map((upload) => network().reaches(upload, "active")));
    for (const upload of uploads) expect(declarationsOf(upload)).toHaveLength(1);
  });
});
