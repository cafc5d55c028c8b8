import { randomFillSync } from "node:crypto";
import { readdir } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { type Deal, loadSigner, type Signer, signMessage } from "@granary/chain-client";
import { type Fid, FRAGMENT_BYTES, type FragmentHash, type SegmentHash, ZERO_FRAGMENT_HASH } from "@granary/primitives";
import { createMinerMetrics } from "@granary/storage-miner";
import { createRegister, silentLog } from "@granary/telemetry";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { openMiner, type StorageMiner } from "../src/miner.js";
import { Closing, eventually, fastTiming, freePort, randomDigest, randomFragment, temporaryFolder } from "./harness.js";

const closing = new Closing();
const { bytes, hash } = randomFragment();
const fid = randomDigest() as Fid;
const zeros = ZERO_FRAGMENT_HASH as FragmentHash;
let isChainAway = false;
let miner: StorageMiner;
let signer: Signer;
let dir: string;

const deal: Deal = {
  fid,
  owner: { account: "owner" as never, territory: "home", name: "file" },
  sizeBytes: 1,
  segments: [{ hash: randomDigest() as SegmentHash, fragments: [hash, zeros, hash] }],
  reports: [],
};

beforeAll(async () => {
  signer = await loadSigner("//Granary//gateway");
  dir = await temporaryFolder(closing);
  const port = await freePort();
  const minerSigner = await loadSigner("//Granary//miner//0");
  miner = await openMiner(
    {
      signer: minerSigner,
      host: "127.0.0.1",
      port,
      endpoint: `http://127.0.0.1:${port}`,
      dir,
      behaviour: { kind: "honest" },
    },
    {
      chain: {
        isConnected: () => !isChainAway,
        deal: async (asked) => {
          if (isChainAway) throw new Error("no node");
          return asked === fid ? deal : null;
        },
        standing: async () => ({ kind: "deal", deal }),
        report: async () => "reported",
      },
      timing: fastTiming,
      metrics: createMinerMetrics(createRegister({ service: "test", processMetrics: false })),
      log: silentLog,
    },
  );
  await miner.start();
  closing.add(miner, (one) => one.stop());
});
afterAll(() => closing.all());

function identity(message = "sixteen letters."): Record<string, string> {
  return { account: signer.account, message, signature: signMessage(signer, message) };
}

const ids = (fragment: string = hash, of: string = fid) => ({ fid: of, fragment });

async function answerOf(response: Response): Promise<{ status: number; code: number; msg: string }> {
  const { code, msg, data } = (await response.json()) as { code: number; msg: string; data: unknown };
  expect(data).toBeNull();
  return { status: response.status, code, msg };
}

async function put(headers: Record<string, string>, body: FormData | string | null) {
  return answerOf(await fetch(`${miner.endpoint}/fragment`, { method: "PUT", headers, body }));
}

function form(content: Uint8Array, field = "file"): FormData {
  const data = new FormData();
  data.append(field, new Blob([content as Uint8Array<ArrayBuffer>]), "fragment");
  return data;
}

const get = (headers: Record<string, string>) => fetch(`${miner.endpoint}/fragment`, { headers });
const stored = async (): Promise<string[]> =>
  (await readdir(dir, { recursive: true, withFileTypes: true })).filter((one) => one.isFile()).map(({ name }) => name);

describe("PUT /fragment", () => {
  it.each([
    ["without identity", () => ({ ...ids() })],
    ["with a signature over another message", () => ({ ...identity(), message: "another message.", ...ids() })],
    ["with a signature that is none", () => ({ ...identity(), signature: "ff".repeat(64), ...ids() })],
    ["with an account that is none", () => ({ ...identity(), account: "alice", ...ids() })],
  ])("%s is the one refusal with a status of its own", async (_, headers) => {
    expect(await put(headers(), form(bytes))).toEqual({ status: 403, code: 403, msg: "invalid signature" });
  });

  it("takes signatures as wallets make them", async () => {
    const message = "from a browser!!";
    const signature = `0x${Buffer.from(signer.sign(Buffer.from(`<Bytes>${message}</Bytes>`))).toString("hex")}`;
    const headers = { account: signer.account, message, signature, ...ids(randomDigest()) };
    expect(await answerOf(await get(headers))).toEqual({ status: 200, code: 404, msg: "not found" });
  });

  it.each([
    ["missing", {}, "empty fid or fragment"],
    ["too short", { fid: "ab", fragment: "cd" }, "invalid fid or fragment"],
    ["a path", { fid: `../../${"a".repeat(58)}`, fragment: "b".repeat(64) }, "invalid fid or fragment"],
    ["in capitals", { fid: "A".repeat(64), fragment: "b".repeat(64) }, "invalid fid or fragment"],
  ])("names that are %s are refused", async (_, names, msg) => {
    expect(await put({ ...identity(), ...names }, form(bytes))).toEqual({ status: 200, code: 400, msg });
  });

  it.each([
    ["one byte short", () => form(bytes.subarray(1)), "the fragment size is wrong"],
    ["one byte long", () => form(Buffer.concat([bytes, Buffer.alloc(1)])), "the fragment size is wrong"],
    ["much too long", () => form(Buffer.alloc(3 * FRAGMENT_BYTES)), "the fragment size is wrong"],
    ["under another field", () => form(bytes, "data"), "the fragment size is wrong"],
    ["no form", () => "hello", "the fragment size is wrong"],
    ["of another hash", () => form(randomFillSync(new Uint8Array(FRAGMENT_BYTES))), "the fragment hash is wrong"],
  ])("bytes that are %s are refused and leave nothing", async (_, body, msg) => {
    expect(await put({ ...identity(), ...ids() }, body())).toEqual({ status: 200, code: 400, msg });
    expect(await stored()).toEqual([]);
  });

  it("a body without an end is cut off and leaves nothing", async () => {
    const chunk = new Uint8Array(1024 * 1024);
    const boundary = "endless";
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n`;
    let sent = 0;
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode(head)),
      pull: (controller) => {
        sent += chunk.length;
        controller.enqueue(chunk);
      },
    });
    const headers = { ...identity(), ...ids(), "content-type": `multipart/form-data; boundary=${boundary}` };
    const call = fetch(`${miner.endpoint}/fragment`, { method: "PUT", headers, body, duplex: "half" } as RequestInit);
    const outcome = await call.then(answerOf, () => "cut off");
    expect([{ status: 200, code: 400, msg: "the fragment size is wrong" }, "cut off"]).toContainEqual(outcome);
    expect(sent).toBeLessThan(4 * FRAGMENT_BYTES);
    expect(await stored()).toEqual([]);
  });

  it("a sender that breaks off leaves nothing", async () => {
    const boundary = "broken";
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n`;
    const request = httpRequest(`${miner.endpoint}/fragment`, {
      method: "PUT",
      headers: {
        ...identity(),
        ...ids(),
        "content-type": `multipart/form-data; boundary=${boundary}`,
        "content-length": FRAGMENT_BYTES,
      },
    });
    request.on("error", () => undefined);
    request.write(head);
    request.write(bytes.subarray(0, FRAGMENT_BYTES / 2));
    await eventually(async () => (await stored()).length === 1);
    request.destroy();
    await eventually(async () => (await stored()).length === 0);
  });

  it("what no deal lists is refused, also zeros; a node that is away says so", async () => {
    const unknown = { status: 200, code: 400, msg: "fragment does not match fid" };
    expect(await put({ ...identity(), ...ids(hash, randomDigest()) }, form(bytes))).toEqual(unknown);
    expect(await put({ ...identity(), ...ids(randomDigest()) }, form(bytes))).toEqual(unknown);
    expect(await put({ ...identity(), ...ids(zeros, randomDigest()) }, null)).toEqual(unknown);
    isChainAway = true;
    expect(await put({ ...identity(), ...ids() }, form(bytes))).toMatchObject({ status: 200, code: 403 });
    isChainAway = false;
    expect(await stored()).toEqual([]);
  });

  it("a fragment of a deal is stored once, and taken again without its bytes", async () => {
    const accepted = { status: 200, code: 200, msg: "ok" };
    expect(await put({ ...identity(), ...ids() }, form(bytes))).toEqual(accepted);
    expect(await put({ ...identity(), ...ids() }, null)).toEqual(accepted);
    isChainAway = true;
    expect(await put({ ...identity(), ...ids() }, form(bytes.subarray(1)))).toEqual(accepted);
    isChainAway = false;
    expect(await stored()).toEqual([hash]);
  });

  it("zeros need no bytes", async () => {
    expect(await put({ ...identity(), ...ids(zeros) }, null)).toMatchObject({ code: 200 });
    const response = await get({ ...identity(), ...ids(zeros) });
    expect(Buffer.from(await response.arrayBuffer()).equals(Buffer.alloc(FRAGMENT_BYTES))).toBe(true);
  });
});

describe("GET /fragment", () => {
  it("serves the bytes with their length", async () => {
    const response = await get({ ...identity(), ...ids() });
    expect([response.status, response.headers.get("content-length")]).toEqual([200, String(FRAGMENT_BYTES)]);
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it("a range has an exclusive end and no Content-Range", async () => {
    const response = await get({ ...identity(), ...ids(), range: `bytes=10-110/${FRAGMENT_BYTES}` });
    expect([response.status, response.headers.get("content-range")]).toEqual([206, null]);
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes.subarray(10, 110))).toBe(true);
    const standard = await get({ ...identity(), ...ids(), range: "bytes=0-99" });
    expect(await answerOf(standard)).toMatchObject({ status: 200, code: 416 });
  });

  it("what is not here is a 404 in a 200; a stranger without a signature gets nothing", async () => {
    expect(await answerOf(await get({ ...identity(), ...ids(randomDigest()) }))).toEqual({
      status: 200,
      code: 404,
      msg: "not found",
    });
    expect(await answerOf(await get(ids()))).toMatchObject({ status: 403 });
  });

  it("nothing else of the folder can be named", async () => {
    for (const path of ["/file/list?path=.", `/file/${hash}`, "/fragment/../tmp"]) {
      expect((await fetch(`${miner.endpoint}${path}`)).status).toBe(404);
    }
    expect(await readdir(join(dir, "tmp"))).toEqual([]);
  });
});

describe("GET /status", () => {
  it("says who it is to anybody", async () => {
    const response = await fetch(`${miner.endpoint}/status`);
    expect(await response.json()).toMatchObject({
      code: 200,
      msg: "ok",
      data: { signature_acc: miner.account, endpoint: miner.endpoint, state: "positive" },
    });
  });
});
