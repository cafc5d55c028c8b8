import { mkdir, utimes, writeFile } from "node:fs/promises";
import type { MessageOf } from "@granary/contracts";
import type { Fid, UploadId } from "@granary/primitives";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { digest, eventually, type Network, startNetwork } from "./support/network.js";

let network: Network;
beforeAll(async () => {
  network = await startNetwork({
    ANNOUNCE_AFTER: "400ms",
    ANNOUNCE_MAX: "800ms",
    STRAY_AFTER: "300ms",
    FAILED_RETENTION: "100ms",
    BODY_RATE_MIN: "1GiB",
    BODY_STALL: "1h",
  });
});
afterAll(() => network?.stop());
afterEach(() => {
  network.others.doesEncode = true;
});

interface Status {
  readonly state: string;
  readonly text: string;
  readonly fid: string | null;
  readonly failure: { code: string } | null;
  readonly [name: string]: unknown;
}

let counter = 0;
/** Uploads other bytes each time. */
async function upload(query = "?wait=received"): Promise<{ id: UploadId; bytes: Buffer }> {
  counter += 1;
  const bytes = Buffer.from(`object ${counter}`);
  const answer = await fetch(`${network.url()}/object/file-${counter}.txt${query}`, {
    method: "PUT",
    headers: network.signed(),
    body: bytes,
  });
  expect(answer.status).toBe(202);
  return { id: answer.headers.get("x-granary-upload") as UploadId, bytes };
}

async function statusOf(id: string, wait = ""): Promise<Status> {
  const answer = await fetch(`${network.url()}/uploads/${id}${wait}`);
  return ((await answer.json()) as { data: Status }).data;
}

async function reach(id: string, state: string): Promise<Status> {
  await eventually(`upload is ${state}`, async () => (await statusOf(id)).state === state);
  return statusOf(id);
}

const dealOf = (
  uploadId: UploadId,
  bytes: Buffer,
  change: Partial<MessageOf<"dealAdvanced">>,
): MessageOf<"dealAdvanced"> => ({
  uploadId,
  fid: digest(bytes) as Fid,
  revision: 1,
  state: "placing",
  placedColumns: 0,
  reportedColumns: 0,
  activeBlock: null,
  failure: null,
  ...change,
});

describe("the life of an upload", () => {
  it("is told state by state, and ends with the staged bytes released", async () => {
    const { id, bytes } = await upload();
    const fid = digest(bytes);
    expect(await reach(id, "encoded")).toMatchObject({ fid, segmentCount: 1, failure: null });
    const staged = await network.request("stagedObjectFind", { fid });
    expect(staged).toEqual({
      staged: { uploadId: id, sizeBytes: bytes.length, stagedBytes: bytes.length, isCipher: false },
    });

    await network.announce("dealAdvanced", dealOf(id, bytes, { revision: 1, state: "placing" }));
    await reach(id, "declared");
    await network.announce("dealAdvanced", dealOf(id, bytes, { revision: 2, placedColumns: 7 }));
    expect(await reach(id, "placing")).toMatchObject({ text: "placing 7/12", placedColumns: 7 });
    await network.announce("dealAdvanced", dealOf(id, bytes, { revision: 4, placedColumns: 12, reportedColumns: 3 }));
    expect(await reach(id, "reported")).toMatchObject({ text: "reported 3/12" });

    const active = { state: "active", placedColumns: 12, reportedColumns: 12, activeBlock: 9 } as const;
    const waiting = statusOf(id, "?wait=active");
    await network.announce("dealAdvanced", dealOf(id, bytes, { revision: 5, ...active }));
    expect(await waiting).toMatchObject({ state: "active", activeAt: expect.any(String) });
    await eventually("the bytes are released", async () => {
      const row = await network.database.upload.findUniqueOrThrow({ where: { id } });
      return row.releasedAt !== null && !(await network.stagedFiles()).some((file) => file.includes(id));
    });
    expect(await network.request("stagedObjectFind", { fid })).toEqual({ staged: null });
  });

  it("follows the newest standing of its deal, in whatever order the news come", async () => {
    const { id, bytes } = await upload();
    await reach(id, "encoded");
    await network.announce("dealAdvanced", dealOf(id, bytes, { revision: 9, placedColumns: 10 }));
    await reach(id, "placing");
    const handled = () => network.database.ingestInbox.count({ where: { consumer: { contains: "deal-advanced" } } });
    const before = await handled();
    const old = { placedColumns: 12, reportedColumns: 12 };
    for (const revision of [8, 9]) await network.announce("dealAdvanced", dealOf(id, bytes, { revision, ...old }));
    await eventually("the old news are handled", async () => (await handled()) === before + 2);
    expect(await statusOf(id)).toMatchObject({ state: "placing", text: "placing 10/12", reportedColumns: 0 });
  });

  it("takes the FID from the deal when that news overtakes the encoding's", async () => {
    network.others.doesEncode = false;
    const { id, bytes } = await upload();
    await network.announce("dealAdvanced", dealOf(id, bytes, { revision: 3, placedColumns: 2 }));
    expect(await reach(id, "placing")).toMatchObject({ fid: digest(bytes), segmentCount: null });
    network.others.doesEncode = true;
    await eventually("the encoding's news are taken in", async () => (await statusOf(id)).segmentCount === 1);
    expect(await statusOf(id)).toMatchObject({ state: "placing", placedColumns: 2 });
  });

  it("ends as failed with its code, and the object leaves the catalogue", async () => {
    const { id, bytes } = await upload();
    await reach(id, "encoded");
    expect(await network.database.catalogueObject.count({ where: { fid: digest(bytes) } })).toBe(1);
    const failure = { code: "CHAIN_REJECTED", reason: "no space" };
    await network.announce("dealAdvanced", dealOf(id, bytes, { revision: 2, state: "failed", failure }));
    expect(await reach(id, "failed")).toMatchObject({ failure });
    expect(await network.database.catalogueObject.count({ where: { fid: digest(bytes) } })).toBe(0);
    await eventually("its bytes are gone", async () => {
      return (await network.stagedFiles()).every((file) => !file.includes(id));
    });
  });

  it("that cannot be encoded fails the request that waits for the FID", async () => {
    network.others.doesEncode = false;
    const sending = fetch(`${network.url()}/object/waits.txt`, {
      method: "PUT",
      headers: network.signed(),
      body: "cannot be encoded",
    });
    await eventually("the upload is received", async () => {
      const row = await network.database.upload.findFirst({ where: { name: "waits.txt", state: "received" } });
      if (row === null) return false;
      const failure = { code: "STAGED_OBJECT_ABSENT", reason: "gone" };
      await network.announce("encodingFailed", { uploadId: row.id as UploadId, failure });
      return true;
    });
    const answer = await sending;
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ error: { code: "STAGED_OBJECT_ABSENT" } });
  });

  it("a file deleted on chain leaves its owner's catalogue", async () => {
    const { id, bytes } = await upload();
    await reach(id, "encoded");
    const fid = digest(bytes) as Fid;
    await network.announce("fileDeleted", { fid, owner: network.account, isLast: true, block: 5 });
    await eventually(
      "the entry is gone",
      async () => (await network.database.catalogueObject.count({ where: { fid } })) === 0,
    );
  });
});

describe("an upload whose messages were lost", () => {
  it("is announced again and again, and reaches its FID after NATS was wiped", async () => {
    network.others.doesEncode = false;
    const { id, bytes } = await upload();
    await eventually("it was announced twice", () => (network.others.announced.get(id) ?? 0) >= 2);
    await network.nats.wipe();
    network.others.doesEncode = true;
    expect(await reach(id, "encoded")).toMatchObject({ fid: digest(bytes) });
  });

  it("is announced less often the longer it stands still, and announcing is no progress", async () => {
    network.others.doesEncode = false;
    const { id } = await upload();
    const before = await network.database.upload.findUniqueOrThrow({ where: { id } });
    await eventually("it was announced five times", () => (network.others.announced.get(id) ?? 0) >= 5);
    const after = await network.database.upload.findUniqueOrThrow({ where: { id } });
    expect(after.updatedAt).toEqual(before.updatedAt);
    // 0, 0.4, 0.8, 1.6, 2.4 s after it was received.
    expect(after.announcedAt.getTime() - after.updatedAt.getTime()).toBeGreaterThanOrEqual(2_400);
  });
});

describe("what a crash leaves on disk", () => {
  it("is removed: parts of no upload, and parts that were never finished", async () => {
    const stray = `${network.stagingDir}/uploads/11111111-1111-4111-8111-111111111111`;
    const half = `${network.stagingDir}/incoming/half`;
    await mkdir(stray);
    await writeFile(`${stray}/0000000000000000`, "stray");
    await writeFile(half, "half");
    const old = new Date(Date.now() - 3_600_000);
    await utimes(half, old, old);
    await eventually("both are gone", async () => {
      return (await network.stagedFiles()).every((file) => !file.startsWith(stray) && file !== half);
    });
  });

  it("of a whole upload that nobody receives any more is given up", async () => {
    const id = "22222222-2222-4222-8222-222222222222";
    const at = new Date(Date.now() - 3_600_000);
    const common = { account: network.account, territory: "home", name: "left.bin", kind: "whole" as const };
    await network.database.upload.create({ data: { id, ...common, state: "receiving", updatedAt: at } });
    expect(await reach(id, "failed")).toMatchObject({ failure: { code: "UPLOAD_ABANDONED" } });
  });
});
