import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { digest, eventually, type Network, startNetwork } from "./support/network.js";
import { giveUpMessage, LETTER_ID } from "./support/operators.js";

/** All that an outside consumer is given: the generated documents. */
const generated = (name: string) =>
  JSON.parse(
    readFileSync(fileURLToPath(new URL(`../../../packages/contracts/generated/${name}`, import.meta.url)), "utf8"),
  );
const asyncapi = generated("asyncapi.json");
const openapi = generated("openapi.json");
const ajv = addFormats.default(new Ajv({ strict: false })).addSchema(asyncapi, "asyncapi.json");
const openapiSchemas = addFormats.default(new Ajv2020({ strict: false })).addSchema(openapi, "openapi.json");
const problemsOf = (message: string, value: unknown) => {
  const validate = ajv.getSchema(`asyncapi.json#/components/messages/${message}/payload`);
  if (validate === undefined) throw new Error(`the document has no message ${message}`);
  validate(value);
  return validate.errors ?? [];
};

const OPERATOR_TOKEN = "a-token-of-ada-alone";
let network: Network;
let connection: NatsConnection;
beforeAll(async () => {
  network = await startNetwork({ OPERATOR_TOKENS: `ada=${OPERATOR_TOKEN}` });
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

/** That an answer has the form which the document has for it. @returns its body */
async function expectForm(method: string, path: string, answer: Response): Promise<Record<string, unknown>> {
  const status = openapi.paths[path][method].responses[answer.status] === undefined ? "default" : answer.status;
  const escaped = path.replace(/\//g, "~1").replace(/[{}]/g, encodeURIComponent);
  const pointer = `/paths/${escaped}/${method}/responses/${status}/content/application~1json/schema`;
  const validate = openapiSchemas.getSchema(`openapi.json#${pointer}`);
  const body = (await answer.json()) as Record<string, unknown>;
  validate?.(body);
  const found = { method, path, isKnown: validate !== undefined, errors: validate?.errors ?? [], body };
  expect(found).toEqual({ method, path, isKnown: true, errors: [], body });
  return body;
}

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
      await expectForm("get", path, await fetch(`${network.url()}${url}`));
    }
  });

  it("tells it of operators' answers too: what stands still, what was given up, and what became of it", async () => {
    const operate = async (method: string, path: string, filled: string, reason?: string) => {
      const url = `${network.url()}${filled}${reason === undefined ? "" : `?reason=${reason}`}`;
      const answer = await fetch(url, { method, headers: { authorization: `Bearer ${OPERATOR_TOKEN}` } });
      return expectForm(method.toLowerCase(), path, answer);
    };
    const [letterPath, desk] = ["/operator/dead-letters/{service}/{id}", "/operator/dead-letters/ingest-gateway"];
    network.others.doesEncode = false;
    const upload = (await put("/object/doomed.bin?wait=received", "doomed")).headers.get("x-granary-upload") as string;
    await giveUpMessage(network.database, upload, `${upload} 1`);
    await giveUpMessage(network.database, upload, `${upload} 2`);
    const { data: letters } = await operate("GET", "/operator/dead-letters/{service}", desk);
    expect(letters).toMatchObject([{ messageId: `${upload} 1` }, { messageId: `${upload} 2` }]);
    const [first, second] = letters as { id: string }[];
    const replayed = [`${letterPath}/replay`, `${desk}/${first?.id}/replay`, "mended"] as const;
    expect(await operate("PUT", ...replayed)).toMatchObject({ data: { event: "encodingFailed" } });
    expect(await operate("GET", "/uploads/{id}", `/uploads/${upload}`)).toMatchObject({
      data: { state: "failed", failure: { code: "POISON" } },
    });
    expect(await operate("PUT", ...replayed)).toMatchObject({ error: { code: "DEAD_LETTER_UNKNOWN" } });
    await operate("DELETE", letterPath, `${desk}/${second?.id}`, "once%20is%20enough");
    expect(await operate("GET", "/operator/dead-letters/{service}", desk)).toMatchObject({ data: [] });
    expect(await operate("GET", "/operator/audit", "/operator/audit?limit=2")).toMatchObject({
      data: [
        { action: "dead-letter.discarded", actor: "operator:ada", details: { reason: "once is enough" } },
        { action: "dead-letter.replayed", actor: "operator:ada", subject: first?.id },
      ],
    });
    const before = network.others.deeds.length;
    const { account } = network;
    await operate("PUT", `${letterPath}/replay`, `/operator/dead-letters/scheduler/${LETTER_ID}/replay`, "mended");
    await operate("PUT", "/operator/miners/{account}/quarantine", `/operator/miners/${account}/quarantine`, "a-look");
    await operate("PUT", "/operator/placement/pause", "/operator/placement/pause", "works");
    expect(network.others.deeds.slice(before)).toEqual([
      ["dealDeadLetterSettle", { id: LETTER_ID, how: "replay", actor: "ada", reason: "mended" }],
      ["minerQuarantine", { account, actor: "ada", reason: "a-look" }],
      ["placementPause", { isPaused: true, actor: "ada", reason: "works" }],
    ]);
    for (const path of ["/operator/queues", "/operator/uploads/stuck", "/operator/actions"]) {
      await operate("GET", path, path);
    }
    await operate("GET", "/miners/{account}", `/miners/${account}`);
    network.others.doesEncode = true;
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
