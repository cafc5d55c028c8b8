import { statfs } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import { accountOf, loadSigner, signMessage } from "@granary/chain-client/accounts";
import { EMPTY_FID, GiB } from "@granary/primitives";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually, type Network, startNetwork } from "./support/network.js";

const KNOWN = "ab".repeat(32);
const UNKNOWN = "cd".repeat(32);
const UPLOAD = "00000000-0000-4000-8000-000000000000";
const bob = await loadSigner("//Bob");
const dave = await loadSigner("//Dave");

let network: Network;
beforeAll(async () => {
  network = await startNetwork({
    OBJECT_MAX: "1MiB",
    PART_MAX: "256KiB",
    BODY_STALL: "300ms",
    ACCESS_ACCOUNTS: bob.account,
    FORM_FILES_MAX: "2",
  });
  network.objects.set(KNOWN, Buffer.from("known"));
  const owner = { account: dave.account, territory: "home", name: "daves.txt" };
  network.others.chainFiles.set(KNOWN, {
    fid: KNOWN as never,
    state: "active",
    sizeBytes: 5,
    segmentCount: 1,
    completedBlock: 1,
    owners: [owner],
  });
});
afterAll(() => network?.stop());

type Headers = Record<string, string>;
type Body = NonNullable<RequestInit["body"]>;

/** What a refused request must never leave behind. */
async function leftovers(): Promise<number> {
  const rows = (await network.database.upload.count()) + (await network.database.ingestOutbox.count());
  return rows + (await network.stagedFiles()).length + (await network.database.catalogueObject.count());
}

afterEach(async () => {
  network.others.isSynced = true;
  network.others.isAuthorized = true;
  network.others.territory = {};
  expect(await leftovers()).toBe(0);
});

async function refused(method: string, path: string, headers: Headers, body?: Body): Promise<[number, string]> {
  const answer = await fetch(`${network.url()}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  const json = (await answer.json()) as { code: number; msg: string; data: null; error: { code: string } };
  expect(json).toMatchObject({ code: answer.status, msg: expect.any(String), data: null });
  return [answer.status, json.error.code];
}

const form = (name = "file.txt", size = 10, field = "file"): FormData => {
  const data = new FormData();
  data.append(field, new Blob([new Uint8Array(size)]), name);
  return data;
};
const signedBy = (signer: typeof bob, message = "hello"): Headers => ({
  account: signer.account,
  message,
  signature: signMessage(signer, message),
  territory: "home",
});
const signed = (headers: Headers = {}) => network.signed(headers);

describe("who may upload", () => {
  const paths: [string, Headers][] = [
    ["/file", {}],
    ["/files", {}],
    ["/object/name.txt", {}],
    ["/resume/name.txt", { "content-range": "bytes 0-9/10" }],
    ["/chunks", { filename: "name.txt", blocknumber: "1", blockindex: "0", totalsize: "10" }],
    ["/", {}],
  ];
  const bodyFor = (path: string): Body => (/object|resume/.test(path) ? "0123456789" : form());

  it.each(paths)(
    "PUT %s refuses a request that is not signed, signed wrongly, or signed too long ago",
    async (path, more) => {
      const put = (headers: Headers) => refused("PUT", path, { ...headers, ...more }, bodyFor(path));
      expect(await put({})).toEqual([401, "SIGNATURE_MISSING"]);
      expect(await put(signed({ signature: signMessage(bob, "hello") }))).toEqual([401, "SIGNATURE_INVALID"]);
      expect(await put(signed({ signature: "zz" }))).toEqual([401, "SIGNATURE_INVALID"]);
      expect(await put(signedBy(dave, "1500000000"))).toEqual([401, "SIGNATURE_EXPIRED"]);
      expect(await put(signed({ account: "cXnobody" }))).toEqual([400, "ACCOUNT_INVALID"]);
      expect(await put(signedBy(bob))).toEqual([403, "ACCESS_DENIED"]);
    },
  );

  it.each(paths)("PUT %s refuses a place that the account cannot store in", async (path, more) => {
    const put = (headers: Headers) => refused("PUT", path, { ...headers, ...more }, bodyFor(path));
    if (path === "/files") return;
    expect(await put(signed({ territory: "" }))).toEqual([400, "TERRITORY_MISSING"]);
    expect(await put(signed({ territory: "elsewhere" }))).toEqual([403, "TERRITORY_NOT_OWNED"]);
    network.others.territory = { state: "frozen" };
    expect(await put(signed())).toEqual([409, "TERRITORY_NOT_ACTIVE"]);
    network.others.territory = { deadlineBlock: 97 };
    expect(await put(signed())).toEqual([409, "TERRITORY_NOT_ACTIVE"]);
    network.others.territory = { remainingBytes: 96 * 1024 * 1024 };
    expect(await put(signed())).toEqual([507, "TERRITORY_FULL"]);
    network.others.territory = {};
    network.others.isAuthorized = false;
    expect(await put(signed())).toEqual([403, "GATEWAY_NOT_AUTHORIZED"]);
    network.others.isSynced = false;
    expect(await put(signed())).toEqual([503, "CHAIN_NOT_SYNCED"]);
  });

  it("names the account to authorize", async () => {
    network.others.isAuthorized = false;
    const answer = await fetch(`${network.url()}/object/a.txt`, { method: "PUT", headers: signed(), body: "1" });
    const { error } = (await answer.json()) as { error: { details: { gateway: string } } };
    expect(error.details.gateway).toBe(network.gateway);
  });

  it("an Ethereum key speaks only for its own account", async () => {
    const headers = { ...signed(), ethacc: "0x0000000000000000000000000000000000000001" };
    expect(await refused("PUT", "/object/a.txt", headers, "1")).toEqual([401, "SIGNATURE_INVALID"]);
    headers.ethacc = "0xABCDEF0000000000000000000000000000000001";
    expect(await refused("PUT", "/object/a.txt", headers, "1")).toEqual([400, "ETH_ADDRESS_INVALID"]);
  });
});

describe("what an upload may be", () => {
  it.each<[string, string, () => Headers, () => Body, number, string]>([
    ["a body that is no form", "/file", signed, () => "text", 415, "CONTENT_TYPE_UNSUPPORTED"],
    ["a form without a file", "/file", signed, () => form("a.txt", 1, "other"), 400, "FORM_FILE_MISSING"],
    [
      "a form without an end",
      "/file",
      () => signed({ "content-type": "multipart/form-data; boundary=x" }),
      () => '--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nabc',
      400,
      "FORM_INVALID",
    ],
    [
      "a form without a boundary",
      "/file",
      () => signed({ "content-type": "multipart/form-data" }),
      () => "abc",
      400,
      "FORM_INVALID",
    ],
    ["a name of two bytes", "/file", signed, () => form("ab"), 400, "FILE_NAME_TOO_SHORT"],
    [
      "a name of 64 bytes",
      "/file",
      () => signed({ filename: "x".repeat(64) }),
      () => form(),
      400,
      "FILE_NAME_TOO_LONG",
    ],
    [
      "a name of 32 letters of two bytes",
      `/object/${encodeURIComponent("ü".repeat(32))}`,
      signed,
      () => "abc",
      400,
      "FILE_NAME_TOO_LONG",
    ],
    ["a name with a line break", "/object/a%0Ab.txt", signed, () => "abc", 400, "FILE_NAME_MALFORMED"],
    [
      "more than the largest object, announced",
      "/object/big.bin",
      signed,
      () => new Uint8Array(1024 * 1024 + 1),
      413,
      "OBJECT_TOO_LARGE",
    ],
    [
      "more than the largest object, in a form",
      "/file",
      signed,
      () => form("big.bin", 1024 * 1024 + 500),
      413,
      "OBJECT_TOO_LARGE",
    ],
    [
      "a cipher of 33 bytes",
      "/object/a.txt",
      () => signed({ cipher: "x".repeat(33) }),
      () => "abc",
      400,
      "CIPHER_TOO_LONG",
    ],
    [
      "a wish for something that is no miner",
      "/object/a.txt",
      () => signed({ miner: "nobody" }),
      () => "abc",
      400,
      "ACCOUNT_INVALID",
    ],
    [
      "an area of two corners",
      "/object/a.txt",
      () => signed({ longitude: "1,2", latitude: "1,2" }),
      () => "abc",
      400,
      "AREA_INVALID",
    ],
    ["a wait for a stage that does not exist", "/object/a.txt?wait=forever", signed, () => "abc", 400, "WAIT_INVALID"],
    ["no file at all", "/files", signed, () => form("a.txt", 1, "other"), 400, "FORM_FILE_MISSING"],
    ["a chunk without its place", "/resume/a.txt", signed, () => "abc", 400, "CONTENT_RANGE_MISSING"],
    [
      "a chunk that ends beyond the object",
      "/resume/a.txt",
      () => signed({ "content-range": "bytes 0-10/10" }),
      () => "0123456789a",
      400,
      "CONTENT_RANGE_INVALID",
    ],
    [
      "a chunk shorter than its place",
      "/resume/a.txt",
      () => signed({ "content-range": "bytes 0-9/20" }),
      () => "012345678",
      400,
      "PART_LENGTH_WRONG",
    ],
    [
      "a chunk longer than its place",
      "/resume/a.txt",
      () => signed({ "content-range": "bytes 0-9/20" }),
      () => "0123456789a",
      400,
      "PART_LENGTH_WRONG",
    ],
    [
      "a chunk with a cipher",
      "/resume/a.txt",
      () => signed({ "content-range": "bytes 0-9/20", cipher: "secret" }),
      () => "0123456789",
      400,
      "CIPHER_NEEDS_WHOLE_UPLOAD",
    ],
    [
      "a chunk with a short name",
      "/resume/ab",
      () => signed({ "content-range": "bytes 0-9/20" }),
      () => "0123456789",
      400,
      "FILE_NAME_TOO_SHORT",
    ],
    ["a block without its headers", "/chunks", () => signed({ filename: "a.txt" }), () => form(), 400, "BLOCK_INVALID"],
    [
      "a block beyond the last",
      "/chunks",
      () => signed({ filename: "a.txt", blocknumber: "2", blockindex: "2", totalsize: "10" }),
      () => form(),
      400,
      "BLOCK_INVALID",
    ],
    [
      "a block with a cipher",
      "/chunks",
      () => signed({ filename: "a.txt", blocknumber: "2", blockindex: "1", totalsize: "10", cipher: "c" }),
      () => form(),
      400,
      "CIPHER_NEEDS_WHOLE_UPLOAD",
    ],
  ])("%s is refused by PUT %s", async (_what, path, headers, body, status, code) => {
    expect(await refused("PUT", path, headers(), body())).toEqual([status, code]);
  });

  it("a chunk larger than the largest chunk is refused, whether announced or not", async () => {
    const size = 300 * 1024;
    const headers = signed({ "content-range": `bytes 0-${size - 1}/${2 * size}` });
    expect(await refused("PUT", "/resume/big.bin", headers, new Uint8Array(size))).toEqual([413, "PART_TOO_LARGE"]);
    const block = signed({ filename: "big.bin", blocknumber: "2", blockindex: "0", totalsize: `${2 * size}` });
    expect(await refused("PUT", "/chunks", block, form("x", size))).toEqual([413, "PART_TOO_LARGE"]);
    // The chunk is refused, its upload stays open for better ones; here it ends.
    await network.database.upload.deleteMany();
  });

  it("a batch tells of each file what became of it", async () => {
    const data = form("ab");
    data.append("file", new Blob(["x"]), "y".repeat(70));
    const answer = await fetch(`${network.url()}/files`, { method: "PUT", headers: signed(), body: data });
    expect(answer.status).toBe(207);
    const json = (await answer.json()) as { data: { code: string; result: string }[] };
    expect(json.data.map((one) => [one.result, one.code])).toEqual([
      ["failed", "FILE_NAME_TOO_SHORT"],
      ["failed", "FILE_NAME_TOO_LONG"],
    ]);
  });
});

/** Sends a head and some of the body, and then does what `then` says. */
function sendSlowly(
  path: string,
  headers: Headers,
  some: string,
  then: (socket: Socket | null) => void,
  gateway = network.url(),
): Promise<{ status: number; text: string } | "broken"> {
  return new Promise((resolve) => {
    const sending = httpRequest(`${gateway}${path}`, { method: "PUT", headers }, (answer) => {
      let text = "";
      answer.on("data", (piece: Buffer) => {
        text += piece.toString();
      });
      answer.on("end", () => {
        sending.destroy();
        resolve({ status: answer.statusCode ?? 0, text });
      });
    });
    sending.on("error", () => resolve("broken"));
    sending.write(some, () => then(sending.socket));
  });
}

describe("a client that does not send what it announced", () => {
  it("is told that it is too slow, and nothing of its upload stays", async () => {
    const answer = await sendSlowly("/object/slow.bin", signed({ "content-length": "1000" }), "abc", () => {});
    expect(answer).toMatchObject({ status: 408 });
    expect((answer as { text: string }).text).toContain("BODY_TOO_SLOW");
  });

  it.each([
    ["/object/cut.bin", {}],
    ["/resume/cut.bin", { "content-range": "bytes 0-999/1000" }],
    ["/file", { "content-type": "multipart/form-data; boundary=x" }],
  ])("and breaks off leaves nothing behind PUT %s", async (path, more) => {
    const head =
      path === "/file" ? '--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nabc' : "abc";
    const headers = signed({ "content-length": "1000", ...(more as Headers) });
    await sendSlowly(path, headers, head, (socket) => {
      // Broken off only when the upload has begun, so that there is something to clean up.
      void eventually("the upload has begun", async () => (await network.database.upload.count()) > 0).finally(() =>
        socket?.destroy(),
      );
    });
    await eventually("the half upload is gone", async () => {
      await network.database.upload.deleteMany({ where: { kind: "ranges" } });
      return (await leftovers()) === 0;
    });
  });
});

describe("what is asked for", () => {
  it.each<[string, string, () => Headers, number, string]>([
    ["GET", "/uploads/not-an-id", () => ({}), 400, "UPLOAD_ID_INVALID"],
    ["GET", `/uploads/${UPLOAD}`, () => ({}), 404, "UPLOAD_UNKNOWN"],
    ["GET", `/uploads/${UPLOAD}/missing`, () => ({}), 404, "UPLOAD_UNKNOWN"],
    ["GET", "/uploads", () => ({}), 400, "ACCOUNT_MISSING"],
    ["GET", "/uploads?state=lost", signed, 400, "STATE_INVALID"],
    ["GET", "/uploads?limit=0", signed, 400, "LIMIT_INVALID"],
    ["GET", "/uploads?before=yesterday", signed, 400, "BEFORE_INVALID"],
    ["DELETE", `/uploads/${UPLOAD}`, () => ({}), 401, "SIGNATURE_MISSING"],
    ["DELETE", `/uploads/${UPLOAD}`, signed, 404, "UPLOAD_UNKNOWN"],
    ["GET", "/resume/a.txt?total=1", () => ({}), 401, "SIGNATURE_MISSING"],
    ["GET", "/resume/a.txt", signed, 400, "TOTAL_MISSING"],
    ["GET", "/resume/a.txt?total=1", signed, 404, "UPLOAD_UNKNOWN"],
    ["GET", "/file/download/xyz", () => ({}), 400, "FID_INVALID"],
    ["GET", `/file/download/${UNKNOWN}`, () => ({}), 404, "FID_UNKNOWN"],
    ["GET", `/file/download/${KNOWN}`, () => ({ range: "bytes=99-" }), 416, "RANGE_NOT_SATISFIABLE"],
    ["GET", `/file/download/${EMPTY_FID}`, () => ({ range: "bytes=1-" }), 416, "RANGE_NOT_SATISFIABLE"],
    ["GET", `/download/${UNKNOWN}`, () => ({ operation: "download" }), 404, "FID_UNKNOWN"],
    ["GET", `/${UNKNOWN}`, () => ({ operation: "view" }), 404, "FID_UNKNOWN"],
    ["GET", `/${UNKNOWN}/download`, () => ({}), 404, "FID_UNKNOWN"],
    ["GET", "/anything", () => ({}), 404, "ROUTE_UNKNOWN"],
    ["GET", "/some/where/else", () => ({}), 404, "ROUTE_UNKNOWN"],
    ["POST", "/file", signed, 404, "ROUTE_UNKNOWN"],
    ["GET", "/file/open/xyz.png", () => ({}), 400, "FID_INVALID"],
    ["GET", `/file/open/${UNKNOWN}.png`, () => ({}), 404, "FID_UNKNOWN"],
    ["GET", `/file/open/${KNOWN}`, () => ({ "content-range": "lines=1-2" }), 416, "RANGE_NOT_SATISFIABLE"],
    ["GET", "/file/metadata/xyz", () => ({}), 400, "FID_INVALID"],
    ["GET", `/file/metadata/${UNKNOWN}`, () => ({}), 404, "FID_UNKNOWN"],
    ["GET", `/file/location/${UNKNOWN}`, () => ({}), 404, "FID_UNKNOWN"],
    ["GET", `/file/map/${UNKNOWN}`, () => ({}), 404, "FID_UNKNOWN"],
    ["GET", `/file/map/${KNOWN}?count=65`, () => ({}), 400, "LIMIT_INVALID"],
    ["GET", "/file/list", () => ({}), 400, "ACCOUNT_MISSING"],
    ["GET", "/file/list?account=nobody", () => ({}), 400, "ACCOUNT_INVALID"],
    ["GET", "/file/list?cursor=abc", signed, 400, "CURSOR_INVALID"],
    ["GET", "/file/list?limit=1001", signed, 400, "LIMIT_INVALID"],
    ["DELETE", `/file/${KNOWN}`, () => ({}), 401, "SIGNATURE_MISSING"],
    ["DELETE", "/file/xyz", signed, 400, "FID_INVALID"],
    ["DELETE", `/file/${UNKNOWN}`, signed, 404, "FID_UNKNOWN"],
    ["DELETE", `/file/${EMPTY_FID}`, signed, 404, "FID_UNKNOWN"],
    ["DELETE", `/file/${KNOWN}`, signed, 403, "FILE_NOT_OWNED"],
    ["GET", `/fragment/download?fid=${KNOWN}&fragment=${KNOWN}`, () => ({}), 401, "SIGNATURE_MISSING"],
    ["GET", `/fragment/download?fid=${KNOWN}&fragment=${KNOWN}`, signed, 404, "FID_UNKNOWN"],
    ["GET", `/fragment/download?fid=${KNOWN}`, signed, 400, "FRAGMENT_HASH_INVALID"],
    ["GET", "/miners?limit=many", () => ({}), 400, "LIMIT_INVALID"],
    ["GET", "/territories", () => ({}), 400, "ACCOUNT_MISSING"],
    ["GET", "/territories/nobody", () => ({}), 400, "ACCOUNT_INVALID"],
  ])("%s %s is refused", async (method, path, headers, status, code) => {
    expect(await refused(method, path, headers())).toEqual([status, code]);
  });

  it("a malformed address is refused, not a crash", async () => {
    const answer = await fetch(`${network.url()}/object/%E0%A4%A`, { method: "PUT", headers: signed(), body: "abc" });
    expect(answer.status).toBe(400);
  });
});

describe("another account's upload", () => {
  it("cannot be cancelled", async () => {
    const put = signed({ "content-range": "bytes 0-2/10" });
    const sent = await fetch(`${network.url()}/resume/mine.txt`, { method: "PUT", headers: put, body: "abc" });
    const path = `/uploads/${sent.headers.get("x-granary-upload")}`;
    expect(await refused("DELETE", path, signedBy(dave))).toEqual([403, "UPLOAD_NOT_OWNED"]);
    await fetch(`${network.url()}${path}`, { method: "DELETE", headers: signed() });
    await network.database.upload.deleteMany();
  });
});

describe("a gateway that has no room or no time", () => {
  it("answers 507 when the disk is full, and 429 when an account starts uploads too fast", async () => {
    await network.restart({ STAGING_RESERVE: "1000000TiB" });
    expect(await refused("PUT", "/object/a.txt", signed(), "abc")).toEqual([507, "STAGING_FULL"]);
    await network.restart({ STAGING_RESERVE: "1000000TiB", UPLOAD_STARTS_RATE: "0.001", UPLOAD_STARTS_BURST: "1" });
    expect(await refused("PUT", "/object/a.txt", signed(), "abc")).toEqual([507, "STAGING_FULL"]);
    const answer = await fetch(`${network.url()}/object/b.txt`, { method: "PUT", headers: signed(), body: "abc" });
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(100);
  });

  it("promises the same room only once, to uploads at two gateways, and again when one of them breaks off", async () => {
    const { bavail, bsize } = await statfs(network.stagingDir);
    const room = Math.min(40 * GiB, bavail * bsize);
    const roomy = { STAGING_RESERVE: `${bavail * bsize - room}B`, OBJECT_MAX: "31GiB", BODY_STALL: "5m" };
    network.others.territory = { remainingBytes: 1000 * GiB };
    await network.restart(roomy);
    const replica = await network.startReplica(roomy);
    const headers = signed({ "content-length": String(Math.floor(room * 0.6)) });
    const isHeld = async () => (await network.database.stagingClaim.count()) > 0;
    const send = (name: string, gateway: string) => {
      const sockets: (Socket | null)[] = [];
      const answer = sendSlowly(`/object/${name}.bin`, headers, "abc", (it) => sockets.push(it), gateway);
      return { answer, leave: () => sockets.forEach((it) => void it?.destroy()) };
    };
    try {
      const first = send("first", network.url());
      await eventually("room is promised", isHeld);
      const refusal = await send("second", replica.url).answer;
      expect(refusal).toMatchObject({ status: 507, text: expect.stringContaining("STAGING_FULL") });
      first.leave();
      expect(await first.answer).toBe("broken");
      await eventually("the room is free again", async () => !(await isHeld()));
      const third = send("third", replica.url);
      await eventually("room is promised at the other gateway", isHeld);
      third.leave();
      expect(await third.answer).toBe("broken");
      await eventually("nothing is left of them", async () => (await leftovers()) === 0);
    } finally {
      await replica.stop();
    }
  });

  it("lets in only the listed accounts when it is private", async () => {
    await network.restart({ ACCESS_MODE: "private", STAGING_RESERVE: "1000000TiB" });
    expect(await refused("PUT", "/object/a.txt", signed(), "abc")).toEqual([403, "ACCESS_DENIED"]);
    expect(await refused("PUT", "/object/a.txt", signedBy(bob), "abc")).toEqual([507, "STAGING_FULL"]);
    expect(accountOf(bob.publicKey)).toBe(bob.account);
  });
});
