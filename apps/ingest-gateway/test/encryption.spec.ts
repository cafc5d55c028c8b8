import { randomBytes } from "node:crypto";
import { loadSigner, signMessage } from "@granary/chain-client/accounts";
import { CHUNK_BYTES, CHUNK_PLAIN_BYTES, stagedBytesOf } from "@granary/domain/object";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { moveToMiners, storeObject } from "./support/encrypted.js";
import { digest, eventually, type Network, startNetwork } from "./support/network.js";

const operatorKey = (fill: number) => Buffer.alloc(32, fill).toString("base64");
const customerKey = randomBytes(32).toString("base64");
const gcm = { encryption: "aes-256-gcm" };
const ours = { "encryption-key": customerKey };

let network: Network;
beforeAll(async () => {
  network = await startNetwork({ KEY_ENCRYPTION_KEYS: `first:${operatorKey(1)}` });
});
afterAll(() => network?.stop());

const put = (path: string, headers: Record<string, string>, body: Buffer) =>
  fetch(`${network.url()}${path}`, { method: "PUT", headers: network.signed(headers), body: new Uint8Array(body) });
const get = (fid: string, headers: Record<string, string> = {}, method = "GET") =>
  fetch(`${network.url()}/file/download/${fid}`, { method, headers });
const bodyOf = async (answer: Response) => Buffer.from(await answer.arrayBuffer());
const codeOf = async (answer: Response) => ((await answer.json()) as { error: { code: string } }).error.code;

const upload = (plain: Buffer, headers: Record<string, string>, name?: string) =>
  storeObject(network, plain, headers, name);

const plain = randomBytes(3 * CHUNK_PLAIN_BYTES + 1234);

describe("an encrypted upload", () => {
  it("is staged as chunks, never in clear, and is another object each time", async () => {
    const [a, b] = [await upload(plain, gcm), await upload(plain, gcm)];
    expect(a.fid).not.toBe(b.fid);
    expect(a.stored).toHaveLength(stagedBytesOf(plain.length, "aes-gcm"));
    expect(a.stored.includes(plain.subarray(0, 12))).toBe(false);
    const status = (await (await fetch(`${network.url()}/uploads/${a.uploadId}`)).json()) as { data: object };
    expect(status.data).toMatchObject({ encryption: "aes-gcm", sizeBytes: plain.length });
  });

  it("under the operator's key comes back to its owner, and to nobody else", async () => {
    const { fid } = await upload(plain, gcm);
    const whole = await get(fid, network.signed());
    expect([whole.status, whole.headers.get("cache-control")]).toEqual([200, "private, no-store"]);
    expect((await bodyOf(whole)).equals(plain)).toBe(true);
    expect(await codeOf(await get(fid))).toBe("SIGNATURE_MISSING");
    const bob = await loadSigner("//Bob");
    const stranger = { account: bob.account, message: "hello", signature: signMessage(bob, "hello") };
    const refused = await get(fid, stranger);
    expect([refused.status, await codeOf(refused)]).toEqual([403, "OBJECT_NOT_OWNED"]);
  });

  it("under a customer's key comes back with that key only, which is refused before the first byte", async () => {
    const { fid } = await upload(plain, ours);
    expect((await bodyOf(await get(fid, ours))).equals(plain)).toBe(true);
    const wrong = await get(fid, { "encryption-key": operatorKey(9) });
    expect([wrong.status, await codeOf(wrong)]).toEqual([403, "ENCRYPTION_KEY_WRONG"]);
    const missing = await get(fid, network.signed());
    expect([missing.status, await codeOf(missing)]).toEqual([400, "ENCRYPTION_KEY_MISSING"]);
    expect((await get(fid, {}, "HEAD")).status).toBe(400);
  });

  it("serves ranges, HEAD and If-None-Match as a plain object does", async () => {
    const { fid } = await upload(plain, ours);
    for (const [start, end] of [
      [0, 1],
      [CHUNK_PLAIN_BYTES - 1, CHUNK_PLAIN_BYTES + 1],
      [70_000, 190_000],
      [plain.length - 5, plain.length],
    ] as const) {
      const part = await get(fid, { ...ours, range: `bytes=${start}-${end - 1}` });
      expect([part.status, part.headers.get("content-range")]).toEqual([
        206,
        `bytes ${start}-${end - 1}/${plain.length}`,
      ]);
      expect((await bodyOf(part)).equals(plain.subarray(start, end))).toBe(true);
    }
    const head = await get(fid, ours, "HEAD");
    expect([head.status, head.headers.get("content-length")]).toEqual([200, `${plain.length}`]);
    expect((await get(fid, { ...ours, range: `bytes=${plain.length}-` })).status).toBe(416);
    expect((await get(fid, { ...ours, "if-none-match": `"${fid}"` })).status).toBe(304);
  });

  it("of which a chunk was tampered with breaks off, and is an error where it is the first one", async () => {
    const { fid, stored } = await upload(plain, ours);
    const tampered = Buffer.from(stored);
    tampered[2 * CHUNK_BYTES] = (tampered[2 * CHUNK_BYTES] as number) ^ 1;
    network.objects.set(fid, tampered);
    const broken = await get(fid, ours);
    expect(broken.status).toBe(200);
    await expect(bodyOf(broken)).rejects.toThrow();
    const range = `bytes=${2 * CHUNK_PLAIN_BYTES}-`;
    const first = await get(fid, { ...ours, range });
    expect([first.status, await codeOf(first)]).toEqual([502, "CHUNK_NOT_AUTHENTIC"]);
    expect((await bodyOf(await get(fid, { ...ours, range: "bytes=0-99" }))).equals(plain.subarray(0, 100))).toBe(true);
  });

  it("of no bytes is the empty object, which has no key", async () => {
    const answer = await put("/object/nothing.bin", gcm, Buffer.alloc(0));
    const { fid } = ((await answer.json()) as { data: { fid: string } }).data;
    expect(fid).toBe(digest(Buffer.alloc(0)));
    expect(await network.database.objectKey.count({ where: { fid } })).toBe(0);
  });

  it("by a form is encrypted too, though its size is not known before", async () => {
    const form = new FormData();
    form.append("file", new Blob([new Uint8Array(plain.subarray(0, CHUNK_PLAIN_BYTES))]), "form.bin");
    const { "content-type": _, ...headers } = network.signed(ours);
    const answer = await fetch(`${network.url()}/file`, { method: "PUT", headers, body: form });
    const { fid } = ((await answer.json()) as { data: { fid: string } }).data;
    await moveToMiners(network, answer.headers.get("x-granary-upload") as string, fid);
    expect((await bodyOf(await get(fid, ours))).equals(plain.subarray(0, CHUNK_PLAIN_BYTES))).toBe(true);
  });

  it("that is deleted loses its key, when the chain has deleted it", async () => {
    const { fid } = await upload(plain, gcm);
    const count = () => network.database.objectKey.count({ where: { fid } });
    expect(await count()).toBe(1);
    await network.announce("fileDeleted", { fid, owner: network.account, isLast: true, block: 5 });
    await eventually("the key is gone", async () => (await count()) === 0);
  });
});

describe("an encrypted upload in chunks", () => {
  const send = (name: string, start: number, end: number, headers: Record<string, string> = ours, bytes = plain) =>
    put(
      `/resume/${name}`,
      { ...headers, "content-range": `bytes ${start}-${end - 1}/${bytes.length}` },
      bytes.subarray(start, end),
    );
  const two = 2 * CHUNK_PLAIN_BYTES;

  it("comes in any order, and again; other bytes replace the first ones under another nonce", async () => {
    const other = Buffer.from(plain);
    other.set(randomBytes(100), 10);
    expect((await send("parts", two, plain.length)).status).toBe(308);
    expect((await send("parts", 0, CHUNK_PLAIN_BYTES, ours, other)).status).toBe(308);
    const uploadId = (await send("parts", two, plain.length)).headers.get("x-granary-upload") as string;
    const prefixAt0 = async () =>
      (await network.database.uploadPart.findFirstOrThrow({ where: { uploadId, index: 0n } })).noncePrefix;
    const before = await prefixAt0();
    expect((await send("parts", 0, CHUNK_PLAIN_BYTES)).status).toBe(308);
    expect(Buffer.from((await prefixAt0()) as Uint8Array).equals(Buffer.from(before as Uint8Array))).toBe(false);
    const last = await send("parts", CHUNK_PLAIN_BYTES, two);
    expect(last.status).toBe(200);
    const { fid } = ((await last.json()) as { data: { fid: string } }).data;
    const stored = await moveToMiners(network, uploadId, fid);
    expect(stored).toHaveLength(stagedBytesOf(plain.length, "aes-gcm"));
    expect((await bodyOf(await get(fid, ours))).equals(plain)).toBe(true);
    // After the end the same bytes are welcome, others are not.
    expect((await send("parts", 0, CHUNK_PLAIN_BYTES)).status).toBe(200);
    expect(await codeOf(await send("parts", 0, CHUNK_PLAIN_BYTES, ours, other))).toBe("PART_DIFFERS");
  });

  it("goes on after the gateway was restarted, as its key is stored, wrapped", async () => {
    expect((await send("resumed", two, plain.length, gcm)).status).toBe(308);
    await network.restart();
    const last = await send("resumed", 0, two, gcm);
    const { fid } = ((await last.json()) as { data: { fid: string } }).data;
    await moveToMiners(network, last.headers.get("x-granary-upload") as string, fid);
    expect((await bodyOf(await get(fid, network.signed()))).equals(plain)).toBe(true);
  });

  it("is refused with another key, between the edges of chunks, and by number", async () => {
    expect((await send("refused", 0, two)).status).toBe(308);
    expect(await codeOf(await send("refused", two, plain.length, { "encryption-key": operatorKey(9) }))).toBe(
      "ENCRYPTION_KEY_WRONG",
    );
    const unaligned = await send("refused", 1000, two);
    expect([unaligned.status, await codeOf(unaligned)]).toEqual([400, "PART_NOT_ALIGNED"]);
    const block = { blocknumber: "2", blockindex: "0", totalsize: "10", filename: "blocks" };
    expect(await codeOf(await put("/chunks", { ...gcm, ...block }, Buffer.alloc(5)))).toBe("ENCRYPTION_NEEDS_RANGES");
    const cipher = await send("refused", 0, CHUNK_PLAIN_BYTES, { cipher: "123456" });
    expect(await codeOf(cipher)).toBe("CIPHER_NEEDS_WHOLE_UPLOAD");
  });

  it("that is cancelled leaves no key", async () => {
    const uploadId = (await send("cancelled", 0, two)).headers.get("x-granary-upload") as string;
    expect(await network.database.objectKey.count({ where: { uploadId } })).toBe(1);
    const headers = network.signed();
    expect((await fetch(`${network.url()}/uploads/${uploadId}`, { method: "DELETE", headers })).status).toBe(200);
    expect(await network.database.objectKey.count({ where: { uploadId } })).toBe(0);
  });
});

describe("the operator's key", () => {
  it("can be replaced: what the old one wrapped is wrapped anew, and then opens without it", async () => {
    const { fid } = await upload(plain, gcm);
    await network.restart({ KEY_ENCRYPTION_KEYS: `second:${operatorKey(2)},first:${operatorKey(1)}` });
    expect((await bodyOf(await get(fid, network.signed()))).equals(plain)).toBe(true);
    const later = await upload(plain, gcm);
    const kept = await network.database.objectKey.findFirstOrThrow({ where: { fid: later.fid } });
    expect(kept.wrappedBy).toBe("second");
    const unread = () => network.database.objectKey.count({ where: { wrappedBy: "first" } });
    await eventually("all keys are wrapped anew", async () => (await unread()) === 0);
    await network.restart({ KEY_ENCRYPTION_KEYS: `second:${operatorKey(2)}` });
    expect((await bodyOf(await get(fid, network.signed()))).equals(plain)).toBe(true);
    await network.restart({ KEY_ENCRYPTION_KEYS: `third:${operatorKey(3)}` });
    const retired = await get(fid, network.signed());
    expect([retired.status, await codeOf(retired)]).toEqual([503, "ENCRYPTION_KEY_RETIRED"]);
    await network.restart();
  });

  it("is needed only where a customer sends none, and by default nothing is encrypted", async () => {
    await network.restart({ KEY_ENCRYPTION_KEYS: "" });
    const refused = await put("/object/none.bin", gcm, plain);
    expect([refused.status, await codeOf(refused)]).toEqual([400, "ENCRYPTION_KEY_MISSING"]);
    expect((await upload(plain, ours)).fid).not.toBe(digest(plain));
    expect((await upload(plain, {})).stored.equals(plain)).toBe(true);
    await network.restart();
  });
});
