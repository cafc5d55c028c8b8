import { asCodedError, isRetryable, KiB } from "@granary/primitives";
import { identityHeaders } from "@granary/sdk";
import { developmentKeys, poll } from "@granary/testnet";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { pause, type Stage, setStage, TERRITORY } from "./harness.js";
import { type CollectedSpan, type Collector, startCollector } from "./otlp-collector.js";

const services = ["ingest-gateway", "preprocessor", "scheduler", "chain-indexer", "retrieval"] as const;
const FILE_BYTES = 200 * KiB;
const UPLOADS = 20;
const SPANS_WAIT_MS = 120_000;

describe("operating the network", () => {
  let collector: Collector;
  let stage: Stage;
  beforeAll(async () => {
    collector = await startCollector();
    const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: "200" };
    const traced = [...services, "storage-miners"].map((name) => [name, settings]);
    stage = await setStage("operations", { minerCount: 14, environment: Object.fromEntries(traced) });
  });
  afterAll(async () => {
    await stage?.close();
    await collector?.close();
  });

  it("traces an upload as one tree over all services that it goes through, without a secret in it", async () => {
    const target = new URL(`${stage.network.urls.gateway}/object/traced`);
    const request = {
      method: "PUT",
      headers: { Territory: TERRITORY, Prefer: "respond-async" },
      body: new Uint8Array(FILE_BYTES).fill(7),
    };
    const identity = identityHeaders(stage.signer, target, request, Date.now());
    const response = await fetch(target, { ...request, headers: { ...request.headers, ...identity } });
    const uploadId = response.headers.get("x-granary-upload") as string;
    const { fid } = await stage.waitFor(uploadId, "active");

    const isRoot = (span: CollectedSpan) =>
      span.attributes["granary.upload.id"] === uploadId && span.parentSpanId === "";
    const tree = () => {
      const root = collector.spans().find(isRoot);
      return collector.spans().filter(({ traceId }) => traceId === root?.traceId);
    };
    const told = () => tree().filter(({ name }) => name === "hear dealAdvanced").length;
    // The last that happens in it: the gateway hears that the file is active. Spans come some time after their end.
    expect(await poll(async () => told() > 0 && orphans(tree()).length === 0, SPANS_WAIT_MS, 200)).toBe(true);

    const spans = tree();
    expect(spans.filter(({ parentSpanId }) => parentSpanId === "").map(({ name }) => name)).toEqual([
      "PUT /object/:name",
    ]);
    const seen = new Set(spans.map(({ service, name }) => `${service}: ${name}`));
    expect([...seen]).toEqual(
      expect.arrayContaining([
        "ingest-gateway: ask territoryShow",
        "chain-indexer: answer territoryShow",
        "preprocessor: hear uploadReceived",
        "preprocessor: work encode",
        "ingest-gateway: hear objectEncoded",
        "scheduler: hear objectEncoded",
        "scheduler: work declare",
        "scheduler: submit declare",
        "scheduler: work send",
        "preprocessor: answer manifestSegments",
        "scheduler: put fragment",
        "storage-miner: PUT /fragment",
        "ingest-gateway: hear dealAdvanced",
      ]),
    );
    expect(spans.filter(({ name }) => name === "put fragment").length).toBeGreaterThanOrEqual(12);
    expect(spans.some(({ attributes }) => attributes["granary.fid"] === fid)).toBe(true);
    for (const secret of [identity.Signature, identity.Message, developmentKeys.gateway, stage.network.urls.database]) {
      expect(collector.text()).not.toContain(secret);
    }
  });

  it("lets an operator pause placing, see what holds an upload up, and go on; all of it is on record", async () => {
    const operate = <T>(path: string, method = "GET", token: string = developmentKeys.operatorToken) =>
      stage.gateway.call<T>(`/operator${path}`, { method, headers: { Authorization: `Bearer ${token}` } });
    await expect(operate("/queues", "GET", "somebody")).rejects.toMatchObject({ category: "denied" });
    await expect(operate("/placement/pause", "PUT")).rejects.toMatchObject({ code: "REASON_MISSING" });

    await operate("/placement/pause?reason=maintenance", "PUT");
    const uploadId = await stage.send(await stage.makeFile("paused", FILE_BYTES, 99));
    const whyStuck = async () => {
      const stuck = await operate<{ uploadId: string; why: { code: string } }[]>("/uploads/stuck?still=1s");
      return stuck.find((upload) => upload.uploadId === uploadId)?.why.code;
    };
    expect(await poll(async () => (await whyStuck()) === "PLACEMENT_PAUSED", SPANS_WAIT_MS, 200)).toBe(true);
    const { placementPause, queues } = await operate<{ placementPause: object; queues: { name: string }[] }>("/queues");
    expect(placementPause).toMatchObject({ actor: "development", reason: "maintenance" });
    expect(queues.map(({ name }) => name).sort()).toEqual(["declare", "encode", "send"]);
    expect(await operate(`/uploads/${uploadId}/retry?reason=impatience`, "PUT")).toEqual({ how: "announced" });
    await operate("/placement/pause?reason=done", "DELETE");
    await stage.waitFor(uploadId, "active");

    const again = operate(`/uploads/${uploadId}/retry?reason=again`, "PUT");
    await expect(again).rejects.toMatchObject({ code: "UPLOAD_NOT_RETRYABLE", category: "conflict" });
    for (const service of ["ingest-gateway", "preprocessor", "scheduler"]) {
      expect(await operate(`/dead-letters/${service}`)).toEqual([]);
    }
    const record = await operate<{ actor: string; action: string; service: string }[]>(`/audit?subject=${uploadId}`);
    expect(record.map(({ actor, action, service }) => [service, actor, action])).toEqual([
      ["ingest-gateway", "operator:development", "upload.retried"],
      ["ingest-gateway", `account:${stage.signer.account}`, "upload.accepted"],
    ]);
    const byHand = await operate<{ action: string }[]>("/audit?actor=operator:development&limit=3");
    expect(byHand.map(({ action }) => action)).toEqual(["placement.resumed", "upload.retried", "placement.paused"]);
  });

  it("ends every service by SIGTERM in turn during 20 uploads, and no client sees a failure that a retry does not heal", async () => {
    const files = await Promise.all(
      Array.from({ length: UPLOADS }, (_, n) => stage.makeFile(`drained-${n}`, FILE_BYTES, n + 1)),
    );
    const failures: string[] = [];
    let ended = 0;
    const uploading = Promise.all(
      files.map(async (file, n) => {
        // Spread over the time in which services come and go.
        await poll(async () => ended >= Math.floor((n * services.length) / UPLOADS), SPANS_WAIT_MS, 20);
        const uploadId = await sendWithRetry(stage, file, failures);
        return stage.waitFor(uploadId, "active");
      }),
    );
    uploading.catch(() => undefined);
    const exits: unknown[] = [];
    for (const name of services) {
      await pause(500);
      const exit = await stage.network.services[name].stop();
      exits.push([name, exit?.code, exit?.signal]);
      await stage.network.services[name].start();
      ended += 1;
    }
    expect(exits).toEqual(services.map((name) => [name, 0, null]));
    const statuses = await uploading;
    expect(new Set(statuses.map(({ fid }) => fid)).size).toBe(UPLOADS);
    expect(await stage.comesBack(statuses[0]?.fid as string, files[0] as string)).toBe(true);
    console.log(`${UPLOADS} uploads, sent again after`, countOf(failures));
  });
});

const countOf = (codes: readonly string[]): Record<string, number> =>
  Object.fromEntries([...new Set(codes)].map((code) => [code, codes.filter((one) => one === code).length]));

/** As a client does: what is said to be worth another try gets one, a little later. */
async function sendWithRetry(stage: Stage, file: string, failures: string[]): Promise<string> {
  const deadline = Date.now() + SPANS_WAIT_MS;
  for (;;) {
    try {
      return await stage.send(file);
    } catch (thrown) {
      const error = asCodedError(thrown);
      if (!isRetryable(error) || Date.now() > deadline) throw error;
      failures.push(error.code);
      await pause(250);
    }
  }
}

/** Spans whose parent is not there, but for the first of all. */
function orphans(spans: readonly CollectedSpan[]): CollectedSpan[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return spans.filter(({ parentSpanId }) => parentSpanId !== "" && !ids.has(parentSpanId));
}
