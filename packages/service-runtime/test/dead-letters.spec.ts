import { createAuditLog, createDeadLetters, createInbox } from "@granary/database";
import { connectNats, consumeEvents } from "@granary/messaging";
import { CodedError } from "@granary/primitives";
import { createRegister, silentLog } from "@granary/telemetry";
import { poll } from "@granary/testnet";
import { describe, expect, it } from "@jest/globals";
import { headers } from "@nats-io/transport-node";
import { createDeadLetterDesk } from "../src/index.js";
import { hearingFailures, publishFailure, useServers, WAIT_MS } from "./servers.js";

const uploadId = "00000000-0000-4000-8000-000000000001";
const messageId = (id: string) => {
  const all = headers();
  all.set("Nats-Msg-Id", id);
  return all;
};
const deed = { actor: "ada", reason: "the handler is mended" };

describe("what operators are left with", () => {
  const servers = useServers("dead-letters");

  const auditLog = () => createAuditLog({ database: servers().database, service: "test" });

  it("keeps a message that its handler refuses, and has it handled once when an operator says so", async () => {
    let isMended = false;
    const handled: string[] = [];
    const handlers = hearingFailures(async ({ failure }) => {
      if (!isMended) throw new CodedError("NOT_UNDERSTOOD", "invalid", "no such failure");
      handled.push(failure.code);
    });
    const { database, nats } = servers();
    const connection = await connectNats({ url: nats.url, name: "test" });
    const deadLetters = createDeadLetters(database, "ingest");
    const inbox = createInbox(database, "ingest");
    const register = createRegister({ service: "test", processMetrics: false });
    const counted = async () => Number(/^granary_facts_dead_letters\{.*\} (\d+)$/m.exec(await register.render())?.[1]);
    const consumer = consumeEvents({
      connection,
      service: "ingest-gateway",
      inbox,
      handlers,
      deadLetters,
      log: silentLog,
      register,
    });
    const publish = (body: string, id: string) => publishFailure(connection, body, messageId(id));
    await publish(JSON.stringify({ uploadId, failure: { code: "POISON", reason: "test" } }), "m-1");
    await publish("this is not JSON", "m-2");

    const desk = createDeadLetterDesk({ deadLetters, handlers, audit: auditLog() });
    const listed = async () => (await desk.list({ after: null, count: 10 })).letters;
    expect(await poll(async () => (await listed()).length === 2, WAIT_MS, 50)).toBe(true);
    const [poison, noise] = await listed();
    expect(await counted()).toBe(2);
    expect(poison).toMatchObject({
      event: "encodingFailed",
      code: "NOT_UNDERSTOOD",
      deliveries: 1,
      payload: { uploadId },
    });
    expect(noise).toMatchObject({ code: "EVENT_INVALID", payload: "this is not JSON" });
    expect((await desk.list({ after: poison?.id as string, count: 10 })).letters).toEqual([noise]);

    const replay = { id: poison?.id as string, how: "replay", ...deed } as const;
    await expect(desk.settle(replay)).rejects.toMatchObject({ code: "NOT_UNDERSTOOD" });
    expect(await listed()).toHaveLength(2);
    isMended = true;
    expect(await desk.settle(replay)).toEqual({ event: "encodingFailed" });
    await expect(desk.settle(replay)).rejects.toMatchObject({ code: "DEAD_LETTER_UNKNOWN" });
    await desk.settle({ id: noise?.id as string, how: "discard", ...deed });
    expect(handled).toEqual(["POISON"]);
    expect(await listed()).toEqual([]);
    expect(await counted()).toBe(0);
    expect(await auditLog().list({ count: 10, actor: "operator:ada" })).toMatchObject([
      { action: "dead-letter.discarded", subject: noise?.id },
      { action: "dead-letter.replayed", subject: poison?.id, details: { reason: deed.reason, messageId: "m-1" } },
    ]);
    await consumer.close();
    await connection.close();
  });

  it("records who did what in the transaction of the deed, and lets nobody change the record", async () => {
    const audit = auditLog();
    const { database } = servers();
    const entry = { actor: "account:somebody", action: "upload.accepted", subject: "u-1" } as const;
    await database.$transaction((tx) => audit.record(tx, entry));
    const undone = database.$transaction(async (tx) => {
      await audit.record(tx, { ...entry, subject: "u-2" });
      throw new Error("undone");
    });
    await expect(undone).rejects.toThrow("undone");
    for (const attempt of [
      "UPDATE audit.record SET actor = 'account:other'",
      "DELETE FROM audit.record",
      "TRUNCATE audit.record",
    ]) {
      await expect(database.$executeRawUnsafe(attempt)).rejects.toThrow("never changed or deleted");
    }
    const found = await audit.list({ count: 10, actor: entry.actor });
    expect(found).toMatchObject([{ ...entry, service: "test", details: {}, trace: null }]);
    expect(await audit.list({ count: 10, actor: entry.actor, before: found[0]?.id })).toEqual([]);
  });
});
