import { createHash, randomFillSync } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createRawServer, type Server as RawServer, type Socket } from "node:net";
import { createMinerClient, type MinerClient, type MinerLimits } from "@granary/miner-client";
import { digestOf, type Fid, FRAGMENT_BYTES, type FragmentHash, ZERO_FRAGMENT_HASH } from "@granary/primitives";
import { afterEach, describe, expect, it } from "@jest/globals";

const bytes = randomFillSync(new Uint8Array(FRAGMENT_BYTES));
const fragment = digestOf(createHash("sha256").update(bytes).digest()) as FragmentHash;
const fid = "ab".repeat(32) as Fid;
const ok = JSON.stringify({ code: 200, msg: "ok", data: null });

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listen(server: Server | RawServer): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(async () => {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const miner = (listener: RequestListener): Promise<string> => listen(createServer(listener));

function client(limits: Partial<MinerLimits> = {}): MinerClient {
  const made = createMinerClient({
    signer: { account: "cXaccount", sign: (message) => Buffer.from(`signed ${message}`).toString("hex") },
    allowPrivateAddresses: true,
    limits: { windowMs: 250, getAnswerTimeoutMs: 400, putAnswerTimeoutMs: 400, connectTimeoutMs: 400, ...limits },
  });
  closers.push(() => made.close());
  return made;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const get = (endpoint: string, limits?: Partial<MinerLimits>): Promise<Uint8Array> =>
  client(limits).getFragment({ endpoint, fid, fragment });
const put = (endpoint: string, limits?: Partial<MinerLimits>): Promise<void> =>
  client(limits).putFragment({ endpoint, fid, fragment, bytes });

/** Writes for ever, as fast as it is read. */
function pour(response: ServerResponse): void {
  while (!response.destroyed && response.write(bytes)) {
    /* until the socket is full */
  }
  response.once("drain", () => pour(response));
}

describe("putting a fragment", () => {
  it("sends the field `file` with the headers of the protocol, and a new message each time", async () => {
    const seen: { headers: IncomingMessage["headers"]; body: Buffer }[] = [];
    const endpoint = await miner(async (request, response) => {
      seen.push({ headers: request.headers, body: await bodyOf(request) });
      response.end(ok);
    });
    const sender = client();
    await sender.putFragment({ endpoint, fid, fragment, bytes });
    await sender.putFragment({ endpoint, fid, fragment, bytes });
    const first = seen[0];
    expect(first?.headers).toMatchObject({ fid, fragment, account: "cXaccount" });
    const message = String(first?.headers.message);
    expect(message).toHaveLength(16);
    expect(first?.headers.signature).toBe(Buffer.from(`signed ${message}`).toString("hex"));
    expect(seen[1]?.headers.message).not.toBe(message);
    const boundary = /boundary=(.*)$/.exec(String(first?.headers["content-type"]))?.[1];
    const form = await new Response(first?.body as never, {
      headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
    }).formData();
    const file = new Uint8Array(await (form.get("file") as Blob).arrayBuffer());
    expect(Buffer.compare(file, bytes)).toBe(0);
  });

  it("sends the fragment of zeros without a body", async () => {
    let length = -1;
    const endpoint = await miner(async (request, response) => {
      length = (await bodyOf(request)).length;
      response.end(ok);
    });
    await client().putFragment({ endpoint, fid, fragment: ZERO_FRAGMENT_HASH as FragmentHash });
    expect(length).toBe(0);
  });

  it("refuses bytes of another size before anything is dialed", async () => {
    const call = client().putFragment({ endpoint: "127.0.0.1:1025", fid, fragment, bytes: bytes.subarray(1) });
    await expect(call).rejects.toMatchObject({ code: "FRAGMENT_SIZE_INVALID", category: "invalid" });
  });

  it.each([
    [200, { code: 400, msg: "fragment does not match fid" }, "MINER_DEAL_NOT_SEEN", "unavailable"],
    [200, { code: 403, msg: "failed to connect to rpc, please try again later." }, "MINER_REFUSED", "unavailable"],
    [200, { code: 500, msg: "system error" }, "MINER_REFUSED", "unavailable"],
    [403, { code: 403, msg: "invalid signature" }, "MINER_SIGNATURE_REFUSED", "denied"],
    [503, "<html>", "MINER_REFUSED", "unavailable"],
    [200, "<html>", "MINER_PROTOCOL", "corrupt"],
    [200, { code: "200" }, "MINER_PROTOCOL", "corrupt"],
    [200, "", "MINER_PROTOCOL", "corrupt"],
  ])("status %i with %j is %s", async (status, body, code, category) => {
    const endpoint = await miner(async (request, response) => {
      await bodyOf(request);
      response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
    });
    await expect(put(endpoint)).rejects.toMatchObject({ code, category });
  });

  it("believes an answer that comes before the body was read", async () => {
    const endpoint = await miner((_, response) => response.end(ok));
    await put(endpoint);
  });

  it("gives up on a miner that stops reading, and on one that never answers", async () => {
    const deaf = await miner((request) => request.pause());
    await expect(put(deaf)).rejects.toMatchObject({ code: "MINER_TIMEOUT" });
    const mute = await miner((request) => request.resume());
    await expect(put(mute)).rejects.toMatchObject({ code: "MINER_TIMEOUT", details: { phase: "answer" } });
  });

  it("an answer without an end is cut off", async () => {
    const endpoint = await miner((request, response) => {
      request.resume();
      pour(response);
    });
    await expect(put(endpoint)).rejects.toMatchObject({ code: "MINER_PROTOCOL" });
  });
});

describe("getting a fragment", () => {
  it("returns the bytes whose hash was asked for, in the memory that was given", async () => {
    const endpoint = await miner((_, response) => response.end(bytes));
    const unshared = new Uint8Array(FRAGMENT_BYTES);
    const shared = new Uint8Array(new SharedArrayBuffer(FRAGMENT_BYTES + 24), 8, FRAGMENT_BYTES);
    for (const into of [unshared, shared]) {
      expect(await client().getFragment({ endpoint, fid, fragment, into })).toBe(into);
      expect(Buffer.compare(into, bytes)).toBe(0);
    }
    expect(new Uint8Array(shared.buffer, FRAGMENT_BYTES + 8)).toEqual(new Uint8Array(16));
  });

  it("one flipped bit is corrupt", async () => {
    const wrong = Uint8Array.from(bytes);
    wrong[FRAGMENT_BYTES - 1] = (wrong[FRAGMENT_BYTES - 1] as number) ^ 1;
    const endpoint = await miner((_, response) => response.end(wrong));
    await expect(get(endpoint)).rejects.toMatchObject({ code: "FRAGMENT_DIGEST_MISMATCH", category: "corrupt" });
  });

  it("a fragment that ends early, or one byte late, is corrupt", async () => {
    const short = await miner((_, response) => response.end(bytes.subarray(1)));
    await expect(get(short)).rejects.toMatchObject({ code: "FRAGMENT_LENGTH_MISMATCH", category: "corrupt" });
    const long = await miner((_, response) => response.end(Buffer.concat([bytes, Buffer.alloc(1)])));
    await expect(get(long)).rejects.toMatchObject({ code: "FRAGMENT_LENGTH_MISMATCH" });
  });

  it("a connection cut in the middle is unavailable, not waited for, not asked again", async () => {
    let asked = 0;
    const endpoint = await miner((_, response) => {
      asked += 1;
      response.writeHead(200, { "content-length": FRAGMENT_BYTES });
      response.write(bytes.subarray(0, 4096), () => response.destroy());
    });
    await expect(get(endpoint)).rejects.toMatchObject({ code: "MINER_UNREACHABLE" });
    expect(asked).toBe(1);
  });

  it("an endless answer is cut at the first byte too many", async () => {
    let response: ServerResponse | undefined;
    const endpoint = await miner((_, answer) => {
      response = answer;
      pour(answer);
    });
    await expect(get(endpoint)).rejects.toMatchObject({ code: "FRAGMENT_LENGTH_MISMATCH" });
    if (response?.closed === false) await once(response, "close");
  });

  it("a stalling and a dripping miner are cut by the pace", async () => {
    const stalling = await miner((_, response) => {
      response.write(bytes.subarray(0, 4096));
    });
    await expect(get(stalling)).rejects.toMatchObject({ code: "MINER_TIMEOUT", details: { phase: "download" } });
    const dripping = await miner((_, response) => {
      const timer = setInterval(() => response.write("x"), 10);
      response.on("close", () => clearInterval(timer));
    });
    await expect(get(dripping)).rejects.toMatchObject({ code: "MINER_TIMEOUT", details: { phase: "download" } });
  });

  it("a miner that never begins to answer, or drips its headers, is a timeout", async () => {
    const mute = await miner(() => undefined);
    await expect(get(mute)).rejects.toMatchObject({ code: "MINER_TIMEOUT", details: { phase: "answer" } });
    const dripping = await listen(
      createRawServer((socket) => {
        socket.write("HTTP/1.1 200 OK\r\n");
        const timer = setInterval(() => socket.write("X-A: b\r\n"), 20);
        socket.on("close", () => clearInterval(timer));
      }),
    );
    await expect(get(dripping)).rejects.toMatchObject({ code: "MINER_TIMEOUT" });
  });

  it("an error in JSON is recognised under status 200", async () => {
    const endpoint = await miner((_, response) => response.end('{"code":404,"msg":"not found","data":null}'));
    await expect(get(endpoint)).rejects.toMatchObject({ code: "FRAGMENT_NOT_HELD", category: "absent" });
    const into = new Uint8Array(new SharedArrayBuffer(FRAGMENT_BYTES));
    const intoShared = client().getFragment({ endpoint, fid, fragment, into });
    await expect(intoShared).rejects.toMatchObject({ code: "FRAGMENT_NOT_HELD", category: "absent" });
    const empty = await miner((_, response) => response.end(ok));
    await expect(get(empty)).rejects.toMatchObject({ code: "MINER_PROTOCOL" });
  });

  it("a redirect is not followed", async () => {
    let hits = 0;
    const internal = await miner((_, response) => {
      hits += 1;
      response.end(bytes);
    });
    const endpoint = await miner((_, response) => {
      response.writeHead(302, { location: `http://${internal}/fragment` }).end();
    });
    await expect(get(endpoint)).rejects.toMatchObject({ code: "MINER_PROTOCOL" });
    expect(hits).toBe(0);
  });

  it("what does not speak HTTP is a protocol error, nobody at all is unreachable", async () => {
    const babbling = await listen(createRawServer((socket) => socket.write("SSH-2.0-OpenSSH_9.6\r\n")));
    await expect(get(babbling)).rejects.toMatchObject({ code: "MINER_PROTOCOL", category: "corrupt" });
    const gone = await miner(() => undefined);
    await closers.pop()?.();
    await expect(get(gone)).rejects.toMatchObject({ code: "MINER_UNREACHABLE", category: "unavailable" });
  });

  it("the caller's signal ends the call, in progress or still waiting for its turn", async () => {
    const endpoint = await miner(() => undefined);
    const reader = client({ connectionsPerMiner: 1, getAnswerTimeoutMs: 60_000 });
    const stop = new AbortController();
    const calls = [0, 1].map(() => reader.getFragment({ endpoint, fid, fragment, signal: stop.signal }));
    stop.abort();
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: "MINER_CALL_ABORTED" });
  });
});

describe("connections", () => {
  it("are kept, and bounded for each miner", async () => {
    let atOnce = 0;
    let atOnceMax = 0;
    let connections = 0;
    const server = createServer((_, response) => {
      atOnce += 1;
      atOnceMax = Math.max(atOnceMax, atOnce);
      response.on("close", () => {
        atOnce -= 1;
      });
      response.end(bytes);
    });
    server.on("connection", () => {
      connections += 1;
    });
    const endpoint = await listen(server);
    const reader = client({ connectionsPerMiner: 2, getAnswerTimeoutMs: 10_000, minBytesPerSecond: 1 });
    await Promise.all(Array.from({ length: 8 }, () => reader.getFragment({ endpoint, fid, fragment })));
    expect(atOnceMax).toBeLessThanOrEqual(2);
    expect(connections).toBeLessThanOrEqual(2);
  });

  it("waiting for a turn is not held against the miner", async () => {
    const endpoint = await miner((_, response) => {
      setTimeout(() => response.end(bytes), 250);
    });
    const reader = client({ connectionsPerMiner: 1 });
    await Promise.all(Array.from({ length: 3 }, () => reader.getFragment({ endpoint, fid, fragment })));
  });

  it("one that the miner closed meanwhile is not the miner's fault", async () => {
    let requests = 0;
    const endpoint = await miner((_, response) => {
      requests += 1;
      if (requests === 2) response.socket?.destroy();
      else response.end(bytes);
    });
    const reader = client();
    await reader.getFragment({ endpoint, fid, fragment });
    await reader.getFragment({ endpoint, fid, fragment });
    expect(requests).toBe(3);
  });

  it("ping reads the status, and a closed client says that it is closed", async () => {
    const data = { state: "positive", version: "v1", signature_acc: "cXminer" };
    const endpoint = await miner((_, response) => response.end(JSON.stringify({ code: 200, msg: "ok", data })));
    const pinger = client();
    expect(await pinger.ping({ endpoint })).toMatchObject({ state: "positive", version: "v1", account: "cXminer" });
    await pinger.close();
    await expect(pinger.ping({ endpoint })).rejects.toMatchObject({ code: "MINER_CLIENT_CLOSED" });
  });
});
