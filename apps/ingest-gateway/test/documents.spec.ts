import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { digest, eventually, type Network, startNetwork } from "./support/network.js";

/** All that an outside consumer is given: the generated documents. */
const generated = (name: string) =>
  JSON.parse(
    readFileSync(fileURLToPath(new URL(`../../../packages/contracts/generated/${name}`, import.meta.url)), "utf8"),
  );
const asyncapi = generated("asyncapi.json");
const openapi = generated("openapi.json");
const ajv = addFormats.default(new Ajv({ strict: false })).addSchema(asyncapi, "asyncapi.json");
const problemsOf = (message: string, value: unknown) => {
  const validate = ajv.getSchema(`asyncapi.json#/components/messages/${message}/payload`);
  if (validate === undefined) throw new Error(`the document has no message ${message}`);
  validate(value);
  return validate.errors ?? [];
};

let network: Network;
let connection: NatsConnection;
beforeAll(async () => {
  network = await startNetwork();
  connection = await connect({ servers: network.nats.url });
});
afterAll(async () => {
  await connection?.close();
  await network?.stop();
});

const put = (path: string, body: string) =>
  fetch(`${network.url()}${path}`, { method: "PUT", headers: network.signed(), body });

describe("a consumer that has the AsyncAPI document and a NATS client", () => {
  it("hears of an upload in the form that the document has for it", async () => {
    const channel = asyncapi.channels.uploadReceived;
    const manager = await jetstreamManager(connection);
    await eventually("the stream is there", () => manager.streams.info("granary-facts").then(Boolean, () => false));
    await manager.consumers.add("granary-facts", { durable_name: "outsider", filter_subject: channel.address });
    const answer = await put("/object/heard.bin", "to be heard of");
    const consumer = await jetstream(connection).consumers.get("granary-facts", "outsider");
    const message = await consumer.next({ expires: 30_000 });
    expect(problemsOf("uploadReceived", message?.json())).toEqual([]);
    expect(message?.json()).toMatchObject({
      uploadId: answer.headers.get("x-granary-upload"),
      account: network.account,
      name: "heard.bin",
      sizeBytes: 14,
    });
    expect(message?.headers?.get("Nats-Msg-Id")).toMatch(/./);
    message?.ack();
  });

  it("is answered as the document says, and told what is wrong with what it asks", async () => {
    const { address } = asyncapi.channels.stagedObjectFind;
    const ask = async (data: unknown) => {
      const request = { pattern: address, id: "mine", data };
      const reply = await connection.request(address, JSON.stringify(request), { timeout: 10_000 });
      return { request, reply: reply.json() as { response: { ok: boolean; data: object; error: { code: string } } } };
    };
    await put("/object/asked.bin", "to be asked for");
    const good = await ask({ fid: digest(Buffer.from("to be asked for")) });
    expect(problemsOf("stagedObjectFindRequest", good.request)).toEqual([]);
    expect(problemsOf("stagedObjectFindReply", good.reply)).toEqual([]);
    expect(good.reply).toMatchObject({ id: "mine", response: { ok: true, data: { staged: { sizeBytes: 15 } } } });

    const bad = await ask({ fid: "no FID" });
    expect(problemsOf("stagedObjectFindRequest", bad.request)).not.toEqual([]);
    expect(problemsOf("stagedObjectFindReply", bad.reply)).toEqual([]);
    expect(bad.reply.response).toMatchObject({ ok: false, error: { code: "REQUEST_INVALID" } });
  });
});

describe("the OpenAPI document", () => {
  it("is what the gateway serves, and has just the routes that its router has", async () => {
    const served = (await (await fetch(`${network.url()}/openapi.json`)).json()) as typeof openapi;
    expect(served).toEqual(openapi);
    const paths = Object.entries(openapi.paths as Record<string, Record<string, object>>);
    for (const [path, item] of paths) {
      for (const method of Object.keys(item)) {
        const answer = await fetch(`${network.url()}${path.replace(/\{\w+\}/g, "x")}`, {
          method: method.toUpperCase(),
        });
        const body = await answer.text();
        // "/{fid}" with no FID in it is an unknown route by intent.
        const isUnknown = body.includes("ROUTE_UNKNOWN") && !path.startsWith("/{fid}") && path !== "/docs/{file}";
        expect({ method, path, isUnknown }).toEqual({ method, path, isUnknown: false });
      }
    }
  });

  it("tells of every answer's form what it is, to the last field", async () => {
    const strict = addFormats.default(new Ajv2020({ strict: false })).addSchema(openapi, "openapi.json");
    const fid = digest(Buffer.from("to be asked for"));
    const upload = (await put("/object/form.bin?wait=received", "form")).headers.get("x-granary-upload");
    const asked: [string, string][] = [
      ["/uploads/{id}", `/uploads/${upload}`],
      ["/uploads/{id}/missing", `/uploads/${upload}/missing`],
      ["/uploads", `/uploads?account=${network.account}`],
      ["/file/metadata/{fid}", `/file/metadata/${fid}`],
      ["/file/list", `/file/list?account=${network.account}&paged=true`],
      ["/file/list", `/file/list?account=${network.account}`],
      ["/territories", `/territories?account=${network.account}`],
      ["/gateway", "/gateway"],
      ["/miners", "/miners"],
      ["/uploads/{id}", "/uploads/no-id"],
    ];
    for (const [path, url] of asked) {
      const answer = await fetch(`${network.url()}${url}`);
      const status = openapi.paths[path].get.responses[answer.status] === undefined ? "default" : answer.status;
      const pointer = `/paths/${path.replace(/\//g, "~1").replace(/[{}]/g, encodeURIComponent)}/get/responses/${status}`;
      const validate = strict.getSchema(`openapi.json#${pointer}/content/application~1json/schema`);
      const body = await answer.json();
      validate?.(body);
      expect({ url, isKnown: validate !== undefined, errors: validate?.errors ?? [], body }).toEqual({
        url,
        isKnown: true,
        errors: [],
        body,
      });
    }
  });

  it("is a page that loads nothing from other hosts", async () => {
    const page = await fetch(`${network.url()}/docs`);
    const html = await page.text();
    const loaded = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url as string);
    expect(loaded.length).toBeGreaterThan(2);
    for (const url of loaded) {
      expect(url).toMatch(/^\/docs\//);
      expect((await fetch(`${network.url()}${url}`)).status).toBe(200);
    }
    expect(page.headers.get("content-security-policy")).toMatch(/default-src 'none'.*connect-src 'self'/);
    expect((await fetch(`${network.url()}/docs/..%2fpackage.json`)).status).toBe(404);
  });
});
