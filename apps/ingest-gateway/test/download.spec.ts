import { randomBytes } from "node:crypto";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { accountOf } from "@granary/chain-client/accounts";
import { EMPTY_FID, type Fid } from "@granary/primitives";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { digest, eventually, type Network, startNetwork } from "./support/network.js";

const bytes = randomBytes(3 * 1024 * 1024);
const fid = digest(bytes) as Fid;
let network: Network;
beforeAll(async () => {
  network = await startNetwork();
  network.objects.set(fid, bytes);
  await network.database.catalogueObject.create({
    data: {
      account: network.account,
      territory: "home",
      fid,
      name: "Bild größe.png",
      contentType: null,
      sizeBytes: BigInt(bytes.length),
    },
  });
});
afterAll(() => network?.stop());

const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  fetch(`${network.url()}${path}`, { method, headers });
const bodyOf = async (answer: Response) => Buffer.from(await answer.arrayBuffer());
const dataOf = async (path: string, headers: Record<string, string> = {}) =>
  ((await (await get(path, headers)).json()) as { data: unknown }).data;

describe("a download", () => {
  it.each([
    [`/file/download/${fid}`, {}],
    [`/download/${fid}`, { operation: "download", account: "cXh5StobuVP4B7mGH9xn8dSsDtXks4qLAou8ZdkZ6DbB6zzxe" }],
    [`/${fid}`, { operation: "download" }],
    [`/${fid}/download`, {}],
  ])("from %s is the bytes, with their length, tag, name and type", async (path, headers) => {
    const answer = await get(path, headers as Record<string, string>);
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-length": `${bytes.length}`,
      "content-type": "image/png",
      "content-disposition": `attachment; filename="Bild gr__e.png"; filename*=UTF-8''Bild%20gr%C3%B6%C3%9Fe.png`,
      etag: `"${fid}"`,
      "accept-ranges": "bytes",
    });
    expect((await bodyOf(answer)).equals(bytes)).toBe(true);
  });

  it("of a range is that range", async () => {
    const answer = await get(`/file/download/${fid}`, { range: "bytes=100-199" });
    expect([answer.status, answer.headers.get("content-range")]).toEqual([206, `bytes 100-199/${bytes.length}`]);
    expect((await bodyOf(answer)).equals(bytes.subarray(100, 200))).toBe(true);
  });

  it("whose client takes nothing of it is cut off, and counted", async () => {
    const replica = await network.startReplica({ DOWNLOAD_STALL: "500ms" });
    const cut = async () => {
      const text = await (await fetch(`${replica.url}/metrics`)).text();
      return Number(/^granary_ingest_downloads_cut_total(?:\{.*\})? (\d+)$/m.exec(text)?.[1]);
    };
    expect(await cut()).toBe(0);
    const large = Buffer.alloc(64 * 1024 * 1024, "large");
    network.objects.set(digest(large), large);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpRequest(`${replica.url}/download/${digest(large)}`, resolve)
        .on("error", reject)
        .end();
    });
    await eventually("it is cut off", async () => (await cut()) === 1);
    let taken = 0;
    const taking = async () => {
      for await (const piece of response) taken += (piece as Buffer).length;
    };
    await expect(taking()).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(taken).toBeLessThan(large.length);
    await replica.stop();
  });

  it("by HEAD tells the length and sends nothing", async () => {
    for (const path of [`/file/download/${fid}`, `/file/open/${fid}`, `/${fid}/download`]) {
      const answer = await get(path, {}, "HEAD");
      expect([answer.status, answer.headers.get("content-length")]).toEqual([200, `${bytes.length}`]);
    }
    const empty = await get(`/download/${EMPTY_FID}`, {}, "HEAD");
    expect([empty.status, empty.headers.get("content-length")]).toEqual([200, "0"]);
  });

  it("of what the client has already is 304 without a body", async () => {
    for (const tag of [fid, EMPTY_FID]) {
      const answer = await get(`/file/download/${tag}`, { "if-none-match": `"${tag}"` });
      expect([answer.status, (await bodyOf(answer)).length]).toEqual([304, 0]);
    }
  });

  it("that breaks upstream breaks here too, and never ends as if it were whole", async () => {
    const answer = await get(`/file/download/${fid}`, { cipher: "break" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toBe("private, no-store");
    await expect(bodyOf(answer)).rejects.toThrow();
  });

  it("that the client leaves does not hold the gateway", async () => {
    await new Promise<void>((resolve, reject) => {
      const asking = httpRequest(`${network.url()}/file/download/${fid}`, (answer) => {
        answer.once("data", () => {
          asking.destroy();
          resolve();
        });
      });
      asking.on("error", () => {});
      asking.once("timeout", reject);
      asking.end();
    });
    expect((await bodyOf(await get(`/file/download/${fid}`))).equals(bytes)).toBe(true);
  });

  it("is unavailable, not absent, while retrieval is away", async () => {
    await network.restart({ RETRIEVAL_URL: "http://127.0.0.1:9" });
    const answer = await get(`/file/download/${fid}`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ error: { code: "RETRIEVAL_UNREACHABLE" } });
    await network.restart();
  });
});

describe("a fragment", () => {
  it("is given to who signs, by the hashes of the file and its own", async () => {
    const hash = "12".repeat(32);
    network.objects.set(`${fid} ${hash}`, Buffer.from("fragment"));
    const answer = await get(`/fragment/download?fid=${fid}&fragment=${hash}`, network.signed());
    expect(answer.headers.get("content-type")).toBe("application/octet-stream");
    expect((await bodyOf(answer)).toString()).toBe("fragment");
  });
});

describe("a preview", () => {
  it("is shown in place, with the type of the address, of the Format header, or of the name", async () => {
    const types = await Promise.all(
      [get(`/file/open/${fid}.html`), get(`/file/open/${fid}`, { format: "mp4" }), get(`/file/open/${fid}`)].map(
        async (asking) => {
          const answer = await asking;
          await bodyOf(answer);
          return [answer.headers.get("content-type"), answer.headers.get("content-disposition")?.split(";")[0]];
        },
      ),
    );
    expect(types).toEqual([
      ["text/html; charset=utf-8", "inline"],
      ["video/mp4", "inline"],
      ["image/png", "inline"],
    ]);
  });

  it("keeps a stranger's page from acting in the gateway's name", async () => {
    const answer = await get(`/file/open/${fid}.html`, {}, "HEAD");
    expect(answer.headers.get("content-security-policy")).toBe("sandbox");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("takes its range from Range, or from the request header Content-Range as DeOSS does", async () => {
    for (const headers of [{ range: "bytes=5-9" }, { "content-range": "bytes=5-9" }] as Record<string, string>[]) {
      const answer = await get(`/file/open/${fid}`, headers);
      expect(answer.status).toBe(206);
      expect((await bodyOf(answer)).equals(bytes.subarray(5, 10))).toBe(true);
    }
  });
});

describe("what is known of files", () => {
  const stored = "ef".repeat(32) as Fid;
  beforeAll(() => {
    const owner = { account: network.account, territory: "home", name: "mine.txt" };
    network.others.chainFiles.set(stored, {
      fid: stored,
      state: "active",
      sizeBytes: 1234,
      segmentCount: 1,
      completedBlock: 1,
      owners: [owner],
    });
    network.others.holdings = [{ territory: "home", fid: stored, name: "mine.txt", sizeBytes: 1234 }];
  });

  it("metadata has the fields that DeOSS clients read", async () => {
    expect(await dataOf(`/file/metadata/${stored}`)).toMatchObject({
      fid: stored,
      size: 1234,
      owner: [{ user: network.account, file_name: "mine.txt" }],
    });
    expect(await dataOf(`/file/metadata/${fid}`)).toMatchObject({ size: bytes.length, state: "pending" });
  });

  it("map and location name the miner of each of the twelve columns", async () => {
    const miners = Array.from({ length: 12 }, (_, i) => accountOf(new Uint8Array(32).fill(i + 1)));
    const map = (await dataOf(`/file/map/${stored}`)) as {
      columns: { index: number; miner: string }[];
      segments: unknown[];
    };
    expect(map.columns.map((column) => [column.index, column.miner])).toEqual(miners.map((miner, i) => [i + 1, miner]));
    expect(map.segments).toHaveLength(1);
    const location = (await dataOf(`/file/location/${stored}`)) as Record<string, { account: string }>;
    expect(Object.keys(location)).toHaveLength(12);
    expect(location["11 batch fragments"]?.account).toBe(miners[11]);
  });

  it("a listing has the files on chain and those on their way, as an array", async () => {
    await network.database.upload.create({
      data: {
        id: "33333333-3333-4333-8333-333333333333",
        account: network.account,
        territory: "home",
        name: "Bild größe.png",
        kind: "whole",
        state: "placing",
        fid,
        sizeBytes: BigInt(bytes.length),
        stagedBytes: BigInt(bytes.length),
      },
    });
    expect(await dataOf("/file/list", { account: network.account })).toEqual([
      { territory: "home", fid, size: bytes.length, name: "Bild größe.png", state: "pending" },
      { territory: "home", fid: stored, size: 1234, name: "mine.txt", state: "active" },
    ]);
    const paged = (await dataOf(`/file/list?account=${network.account}&paged=true`)) as {
      next: null;
      files: unknown[];
    };
    expect([paged.files.length, paged.next]).toEqual([2, null]);
    const uploads = (await dataOf("/uploads?state=placing", { account: network.account })) as unknown[];
    expect(uploads).toHaveLength(1);
  });

  it("territories come with what the chain says of them now", async () => {
    expect(await dataOf(`/territories/${network.account}`)).toMatchObject([{ name: "home", deadlineBlock: 10_000 }]);
    expect(await dataOf("/miners")).toEqual([]);
    expect(await dataOf("/gateway")).toMatchObject({ isRegistered: true });
  });

  it("deletion goes to the chain in the owner's name and clears the catalogue", async () => {
    const answer = await get(`/file/${stored}`, network.signed(), "DELETE");
    expect(await answer.json()).toMatchObject({ code: 200, msg: "ok", data: { "block hash": "0xabc" } });
    expect(network.others.deleted).toEqual([stored]);
  });
});

describe("the face of the gateway", () => {
  it("tells its version as a bare JSON string", async () => {
    expect(await (await get("/version")).json()).toMatch(/^granary /);
  });

  it("lets browsers of any origin upload with the protocol's headers", async () => {
    const asked = "account,message,signature,territory,content-range";
    const answer = await get(
      "/resume/a.txt",
      { origin: "https://a.example", "access-control-request-method": "PUT", "access-control-request-headers": asked },
      "OPTIONS",
    );
    expect(answer.status).toBe(204);
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(answer.headers.get("access-control-allow-methods")).toContain("PUT");
    expect(answer.headers.get("access-control-allow-headers")).toBe(asked);
    const refused = await get("/file/download/xyz", { origin: "https://a.example" });
    expect(refused.headers.get("access-control-allow-origin")).toBe("*");
    expect(refused.headers.get("access-control-expose-headers")).toContain("Content-Range");
  });

  it("counts requests by route and is ready", async () => {
    expect((await get("/ready")).status).toBe(200);
    await bodyOf(await get(`/file/download/${fid}`));
    const line = /requests_total\{route="\/file\/download\/:fid",status="2xx",[^}]*\} [1-9]/;
    await eventually("the download is counted", async () => line.test(await (await get("/metrics")).text()));
    expect(await (await get("/metrics")).text()).toContain("granary_outbox_lag_seconds");
  });
});
