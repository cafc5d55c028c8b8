import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { loadSigner } from "@granary/chain-client";
import { MiB } from "@granary/primitives";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createClient } from "./client.js";
import { download, partOf } from "./download.js";
import { createGateway } from "./gateway.js";
import { withFile } from "./source.js";
import { upload } from "./upload.js";

const FID = "ab".repeat(32);

describe("transfers against a gateway that misbehaves", () => {
  let server: Server;
  let answer: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
  let folder: string;
  const gateway = () => createGateway(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);

  beforeEach(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), "granary-transfer-"));
    server = createServer((request, response) => void answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });

  const get = (file: string) => download({ gateway: gateway(), fid: FID, file, onStart: () => {}, onBytes: () => {} });

  it("continues a download that broke off, and asks only for what is missing", async () => {
    const content = randomBytes(300_000);
    const ranges: (string | undefined)[] = [];
    answer = (request, response) => {
      ranges.push(request.headers.range);
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
      response.writeHead(start > 0 ? 206 : 200, { "content-length": content.length - start });
      if (ranges.length === 1) response.write(content.subarray(0, 100_000), () => response.destroy());
      else response.end(content.subarray(start));
    };
    const file = path.join(folder, "out");
    const result = await get(file);
    expect(result).toEqual({ sizeBytes: 300_000, sha256: createHash("sha256").update(content).digest("hex") });
    expect(readFileSync(file).equals(content)).toBe(true);
    expect(ranges[0]).toBeUndefined();
    expect(ranges.slice(1).every((range) => range !== undefined)).toBe(true);
    expect(existsSync(partOf({ file, fid: FID }))).toBe(false);
  });

  it("does not continue another object's bytes", async () => {
    const file = path.join(folder, "out");
    writeFileSync(partOf({ file, fid: "cd".repeat(32) }), randomBytes(10));
    const content = randomBytes(100);
    answer = (request, response) => {
      expect(request.headers.range).toBeUndefined();
      response.writeHead(200, { "content-length": content.length }).end(content);
    };
    await get(file);
    expect(readFileSync(file).equals(content)).toBe(true);
  });

  it("reads on where a stream broke off, to the end of its range and no further", async () => {
    const content = randomBytes(300_000);
    const ranges: (string | undefined)[] = [];
    answer = (request, response) => {
      ranges.push(request.headers.range);
      const [, first = "0", last = "0"] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
      const [start, end] = [Number(first), Number(last) + 1];
      const size = { "content-length": end - start, "content-range": `bytes ${first}-${last}/${content.length}` };
      response.writeHead(206, size);
      if (ranges.length < 3) response.write(content.subarray(start, start + 50_000), () => response.destroy());
      else response.end(content.subarray(start, end));
    };
    const body = await createClient({ url: gateway().url }).get(FID, { range: { start: 1_000, end: 200_000 } });
    expect([body.sizeBytes, body.lengthBytes]).toEqual([300_000, 199_000]);
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(content.subarray(1_000, 200_000))).toBe(true);
    expect(ranges).toHaveLength(3);
    expect(ranges[0]).toBe("bytes=1000-199999");
    expect(ranges.slice(1).every((range) => range?.endsWith("-199999") && range !== ranges[0])).toBe(true);
  });

  it("gives up a stream that brings nothing any more, with the gateway's words", async () => {
    let asked = 0;
    answer = (_request, response) => {
      asked += 1;
      if (asked > 1) {
        const error = { code: "FRAGMENTS_NOT_ENOUGH", category: "unavailable", details: {} };
        return void response.writeHead(503).end(JSON.stringify({ code: 503, msg: "too few", data: null, error }));
      }
      response.writeHead(200, { "content-length": 100 });
      response.write("some", () => response.destroy());
    };
    const body = await createClient({ url: gateway().url }).get(FID);
    const read = async () => {
      for await (const piece of body) expect(piece.length).toBeGreaterThan(0);
    };
    await expect(read()).rejects.toMatchObject({ code: "FRAGMENTS_NOT_ENOUGH" });
  });

  it("refuses to store without a signer before anything is sent", async () => {
    let asked = 0;
    answer = (_request, response) => {
      asked += 1;
      response.end();
    };
    const client = createClient({ url: gateway().url });
    const stored = client.put(randomBytes(10), { name: "a", territory: "t" });
    await expect(stored).rejects.toMatchObject({ code: "SIGNER_MISSING" });
    await expect(client.put({ file: folder }, { name: "a", territory: "t" })).rejects.toMatchObject({
      code: "FILE_ABSENT",
    });
    expect(asked).toBe(0);
  });

  it("never saves an error as the file", async () => {
    answer = (_request, response) => {
      response.writeHead(404, { "content-type": "application/json" });
      response.end(
        JSON.stringify({
          code: 404,
          msg: "no such object",
          data: null,
          error: { code: "FID_UNKNOWN", category: "absent", details: {} },
        }),
      );
    };
    const file = path.join(folder, "out");
    await expect(get(file)).rejects.toMatchObject({ code: "FID_UNKNOWN", category: "absent" });
    expect(existsSync(file)).toBe(false);
    expect(existsSync(partOf({ file, fid: FID }))).toBe(false);
  });

  it("signs as the owner only where the gateway asks who it is, and sends the object's key where there is one", async () => {
    const content = randomBytes(1_000);
    const asked: Record<string, unknown>[] = [];
    answer = (request, response) => {
      const { account, signature } = request.headers;
      asked.push({ account, isSigned: signature !== undefined, key: request.headers["encryption-key"] });
      if (signature !== undefined) return void response.writeHead(200, { "content-length": 1_000 }).end(content);
      const error = { code: "SIGNATURE_MISSING", category: "denied", details: {} };
      response.writeHead(401).end(JSON.stringify({ code: 401, msg: "who are you", data: null, error }));
    };
    const alice = await loadSigner("//Alice");
    const request = { gateway: gateway(), fid: FID, onStart: () => {}, onBytes: () => {}, encryptionKey: "a2V5" };
    const file = path.join(folder, "out");
    await download({ ...request, file, signer: async () => alice });
    expect(readFileSync(file).equals(content)).toBe(true);
    expect(asked).toEqual([
      { account: undefined, isSigned: false, key: "a2V5" },
      { account: alice.account, isSigned: true, key: "a2V5" },
    ]);
    await expect(download({ ...request, file })).rejects.toMatchObject({ code: "SIGNATURE_MISSING" });
  });

  it("sends an encrypted file in parts that begin and end with its chunks", async () => {
    const content = randomBytes(65 * MiB);
    const file = path.join(folder, "in");
    writeFileSync(file, content);
    const ranges: [number, number][] = [];
    answer = async (request, response) => {
      const [, start, last] = /^bytes (\d+)-(\d+)\//.exec(request.headers["content-range"] ?? "") ?? [];
      ranges.push([Number(start), Number(last) + 1]);
      expect(request.headers).toMatchObject({ encryption: "aes-256-gcm", "encryption-key": "a2V5" });
      request.resume();
      await new Promise((resolve) => request.once("end", resolve));
      response.writeHead(308, { "x-granary-upload": "the-upload" }).end('{"code":308,"msg":"ok","data":null}');
    };
    const signer = await loadSigner("//Alice");
    const wanted = { signer, name: "in.bin", territory: "t", encryptionKey: "a2V5", onBytes: () => {} };
    await withFile(file, (source) => upload({ gateway: gateway(), source, ...wanted }));
    const edges = ranges.flat().filter((edge) => edge !== content.length);
    expect(edges.every((edge) => edge % 65_520 === 0)).toBe(true);
    expect(ranges.reduce((sum, [start, end]) => sum + end - start, 0)).toBe(content.length);
  });

  it("sends every byte of a large file once it has been refused for a moment", async () => {
    const content = randomBytes(65 * MiB);
    const file = path.join(folder, "in");
    writeFileSync(file, content);
    const received = Buffer.alloc(content.length);
    const seen = new Map<string, number>();
    answer = async (request, response) => {
      const [, start = "0", end = "0"] = /^bytes (\d+)-(\d+)\/\d+$/.exec(request.headers["content-range"] ?? "") ?? [];
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const tries = (seen.get(start) ?? 0) + 1;
      seen.set(start, tries);
      if (start !== "0" && tries === 1) {
        response.writeHead(503).end(
          JSON.stringify({
            code: 503,
            msg: "busy",
            data: null,
            error: { code: "BUSY", category: "unavailable", details: {} },
          }),
        );
        return;
      }
      const body = Buffer.concat(chunks);
      expect(body.length).toBe(Number(end) - Number(start) + 1);
      body.copy(received, Number(start));
      response.writeHead(308, { "x-granary-upload": "the-upload" }).end('{"code":308,"msg":"ok","data":null}');
    };
    let last = 0;
    const signer = await loadSigner("//Alice");
    const onBytes = (sent: number) => {
      last = sent;
    };
    const wanted = { gateway: gateway(), signer, name: "in.bin", territory: "t", onBytes };
    const id = await withFile(file, (source) => upload({ ...wanted, source }));
    expect(id).toBe("the-upload");
    expect(received.equals(content)).toBe(true);
    expect(last).toBe(content.length);
  });
});
