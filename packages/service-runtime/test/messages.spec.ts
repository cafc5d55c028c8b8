import type { MessageOf, RequestHandlersFor } from "@granary/contracts";
import { createDeadLetters, createInbox, createOutbox, type Transaction } from "@granary/database";
import { connectNats, consumeEvents, createRelay, respondersFor } from "@granary/messaging";
import { CodedError, type UploadId } from "@granary/primitives";
import { createRegister, silentLog } from "@granary/telemetry";
import { poll } from "@granary/testnet";
import { describe, expect, it } from "@jest/globals";
import { connectRequester, startService } from "../src/index.js";
import { FAILED_SUBJECT, hearingFailures, publishFailure, useServers, WAIT_MS } from "./servers.js";

const failed = (n: number): MessageOf<"encodingFailed"> => ({
  uploadId: `00000000-0000-4000-8000-${n.toString().padStart(12, "0")}` as UploadId,
  failure: { code: "X", reason: "test" },
});
/** What these tests do not ask the preprocessor. */
const notAsked = async (): Promise<never> => {
  throw new CodedError("NOT_ASKED", "bug", "no test asks this");
};
const otherAnswers = {
  encodingShow: notAsked,
  encodingQueues: notAsked,
  encodingDeadLetters: notAsked,
  encodingDeadLetterSettle: notAsked,
};
const idOf = (n: number) => failed(n).uploadId;

describe("facts and requests over NATS", () => {
  const register = createRegister({ service: "test", processMetrics: false });
  const servers = useServers("messages");

  /** The ingest-gateway's side, with a handler that counts what it was given. */
  async function startConsumer(onFailed: (message: MessageOf<"encodingFailed">, tx: Transaction) => Promise<void>) {
    const connection = await connectNats({ url: servers().nats.url, name: "test-consumer" });
    const consumer = consumeEvents({
      connection,
      service: "ingest-gateway",
      inbox: createInbox(servers().database, "ingest"),
      deadLetters: createDeadLetters(servers().database, "ingest"),
      handlers: hearingFailures(onFailed),
      log: silentLog,
      register,
    });
    return async () => {
      await consumer.close();
      await connection.close();
    };
  }

  async function startRelayLoop() {
    const connection = await connectNats({ url: servers().nats.url, name: "test-relay" });
    const outbox = createOutbox(servers().database, "manifest");
    const relay = createRelay({ connection, outbox, log: silentLog, register });
    return {
      outbox,
      announce: (n: number) => servers().database.$transaction((tx) => outbox.add(tx, FAILED_SUBJECT, failed(n))),
      /** Publishes, trying again while NATS is away. */
      flush: () => poll(async () => (await relay.step().catch(() => "busy")) === "idle", WAIT_MS, 50),
      close: () => connection.close(),
    };
  }

  it("brings a fact of a committed transaction to its consumer, and none of one that was rolled back", async () => {
    const seen: string[] = [];
    const stop = await startConsumer(async ({ uploadId }) => void seen.push(uploadId));
    const relay = await startRelayLoop();
    await expect(
      servers().database.$transaction(async (tx) => {
        await relay.outbox.add(tx, FAILED_SUBJECT, failed(1));
        throw new Error("rolled back");
      }),
    ).rejects.toThrow("rolled back");
    await relay.announce(2);
    await relay.flush();
    await poll(async () => seen.includes(idOf(2)), WAIT_MS, 20);
    expect(seen).toEqual([idOf(2)]);
    await relay.close();
    await stop();
  });

  it("has the effect of a message once although its handler fails first", async () => {
    let tries = 0;
    let effects = 0;
    const stop = await startConsumer(async ({ uploadId }, tx) => {
      if (uploadId !== idOf(3)) return;
      tries += 1;
      await tx.$executeRawUnsafe("SELECT 1");
      if (tries === 1) throw new CodedError("NOT_NOW", "unavailable", "first try");
      effects += 1;
    });
    const relay = await startRelayLoop();
    await relay.announce(3);
    await relay.flush();
    expect(await poll(async () => effects === 1, WAIT_MS, 20)).toBe(true);
    expect(tries).toBe(2);
    await relay.close();
    await stop();
  });

  it("goes on by itself after NATS lost everything it had", async () => {
    const seen = new Set<string>();
    const stop = await startConsumer(async ({ uploadId }) => void seen.add(uploadId));
    const relay = await startRelayLoop();
    await relay.announce(4);
    await relay.flush();
    expect(await poll(async () => seen.has(idOf(4)), WAIT_MS, 20)).toBe(true);
    await servers().nats.wipe();
    await relay.announce(5);
    expect(await relay.flush()).toBe(true);
    expect(await poll(async () => seen.has(idOf(5)), WAIT_MS, 50)).toBe(true);
    await relay.close();
    await stop();
  });

  it("takes the facts of a stream that began anew for new ones, also from a publisher that gives them no id", async () => {
    const seen = new Set<string>();
    const stop = await startConsumer(async ({ uploadId }) => void seen.add(uploadId));
    const outside = await connectNats({ url: servers().nats.url, name: "test-outside" });
    const publish = (n: number) => publishFailure(outside, JSON.stringify(failed(n)));
    await servers().nats.wipe();
    expect(await publish(6)).toBe(true);
    expect(await poll(async () => seen.has(idOf(6)), WAIT_MS, 20)).toBe(true);
    // Its first message has the same stream and the same sequence number as the one before.
    await servers().nats.wipe();
    expect(await publish(8)).toBe(true);
    expect(await poll(async () => seen.has(idOf(8)), WAIT_MS, 20)).toBe(true);
    await outside.close();
    await stop();
  });

  it("answers requests, with errors as they were thrown, and says who does not answer", async () => {
    const handlers: RequestHandlersFor<"preprocessor"> = {
      ...otherAnswers,
      manifestSegments: async ({ from }) => {
        if (from === 7) throw new CodedError("SEGMENT_UNKNOWN", "absent", "no such segment", { from });
        return { segments: [], segmentCount: 1 };
      },
    };
    const service = await startService(
      {
        name: "preprocessor",
        http: { host: "127.0.0.1", port: 0 },
        natsUrl: servers().nats.url,
        stopping: { DRAIN_PAUSE: 0, EXIT_GRACE: 10_000 },
        log: silentLog,
        register: createRegister({ service: "preprocessor", processMetrics: true }),
        responders: respondersFor("preprocessor", handlers),
        checks: { always: async () => {} },
      },
      [],
    );
    const { request, part } = await connectRequester({ natsUrl: servers().nats.url, register });
    const ask = (from: number) => request("manifestSegments", { uploadId: idOf(1), from, count: 1 });
    expect(await ask(0)).toEqual({ segments: [], segmentCount: 1 });
    await expect(ask(7)).rejects.toMatchObject({ code: "SEGMENT_UNKNOWN", category: "absent", details: { from: 7 } });
    await expect(ask(-1)).rejects.toMatchObject({ code: "REQUEST_INVALID", category: "invalid" });
    await expect(request("gatewayShow", {})).rejects.toMatchObject({ category: "unavailable" });

    expect((await fetch(`${service.url}/ready`)).status).toBe(200);
    const unknown = await fetch(`${service.url}/no/such/route`);
    expect([unknown.status, await unknown.json()]).toMatchObject([
      404,
      { code: 404, error: { code: "ROUTE_UNKNOWN" } },
    ]);
    await part.stop();
    await service.stop();
  });

  it("counts what it answered, asked, published and heard, without the service doing anything for it", async () => {
    const own = createRegister({ service: "preprocessor", processMetrics: true });
    const isUp = { broken: true };
    const service = await startService(
      {
        name: "preprocessor",
        http: { host: "127.0.0.1", port: 0 },
        natsUrl: servers().nats.url,
        stopping: { DRAIN_PAUSE: 0, EXIT_GRACE: 10_000 },
        log: silentLog,
        register: own,
        responders: respondersFor("preprocessor", {
          ...otherAnswers,
          manifestSegments: async ({ from }) => {
            if (from === 7) throw new CodedError("SEGMENT_UNKNOWN", "absent", "no such segment");
            if (from === 8) throw new CodedError("DATABASE_AWAY", "unavailable", "not now");
            return { segments: [], segmentCount: 1 };
          },
        }),
        checks: {
          always: async () => {},
          never: async () => {
            if (isUp.broken) throw new Error("away");
          },
        },
      },
      [],
    );
    const { request, part } = await connectRequester({ natsUrl: servers().nats.url, register: own });
    for (const from of [0, 7, 8, 8]) {
      await request("manifestSegments", { uploadId: idOf(1), from, count: 1 }).catch(() => undefined);
    }
    await fetch(`${service.url}/no/such/route?secret=1`);
    const metrics = async () => (await fetch(`${service.url}/metrics`)).text();
    const text = await metrics();
    for (const line of [
      'granary_nats_requests_total{request="manifestSegments",outcome="ok",service="preprocessor"} 1',
      'granary_nats_requests_total{request="manifestSegments",outcome="refused",service="preprocessor"} 1',
      'granary_nats_requests_total{request="manifestSegments",outcome="failed",service="preprocessor"} 2',
      'granary_nats_request_seconds_count{service="preprocessor",request="manifestSegments"} 4',
      'granary_nats_calls_total{request="manifestSegments",outcome="failed",service="preprocessor"} 2',
      'granary_http_requests_total{route="other",status="4xx",service="preprocessor"} 1',
      'granary_http_requests_in_flight{service="preprocessor"} 0',
      'granary_dependency_up{dependency="always",service="preprocessor"} 1',
      'granary_dependency_up{dependency="never",service="preprocessor"} 0',
    ]) {
      expect(text).toContain(line);
    }
    expect(text).toContain("process_cpu_seconds_total");
    expect(text).not.toContain("/no/such/route");
    isUp.broken = false;
    expect(await metrics()).toContain('granary_dependency_up{dependency="never",service="preprocessor"} 1');
    const consumed = await register.render();
    const handled = /granary_facts_consumed_total\{event="encodingFailed",outcome="handled",service="test"\} (\d+)/;
    expect(Number(handled.exec(consumed)?.[1])).toBeGreaterThan(0);
    const published = /granary_facts_published_total\{event="encodingFailed",service="test"\} (\d+)/;
    expect(Number(published.exec(consumed)?.[1])).toBeGreaterThan(0);
    await part.stop();
    await service.stop();
  });
});
