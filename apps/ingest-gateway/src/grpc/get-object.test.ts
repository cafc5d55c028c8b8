import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { dataKeyOf, wrapDataKey, wrappingKeyOf } from "@granary/domain/encryption";
import type { AccountId, Fid, UploadId } from "@granary/primitives";
import { createLog } from "@granary/telemetry";
import { describe, expect, it } from "@jest/globals";
import { lastValueFrom } from "rxjs";
import { type AnswerCall, getObject, type ReaderKeys } from "./get-object.js";
import { GrpcErrorFilter } from "./status.js";

const binding = { uploadId: "u" as UploadId, account: "a" as AccountId, sizeBytes: 5 };
const stored = {
  ...binding,
  fid: "f".repeat(64),
  sizeBytes: 5n,
  wrappedBy: null,
  wrappedKey: wrapDataKey(dataKeyOf(randomBytes(32)), wrappingKeyOf(randomBytes(32)), binding, randomBytes(12)),
};

/** What the gateway logs, at its most talkative, of a reader that it refuses. */
async function loggedOf(row: typeof stored | null, keys: Partial<ReaderKeys>): Promise<string> {
  let text = "";
  const write = (line: string) => {
    text += line;
  };
  const ports = {
    database: { objectKey: { findFirst: async () => row } },
    keyring: { active: null, find: () => null },
    stopping: new AbortController().signal,
    retrieval: { get: () => Promise.reject(new Error("retrieval was asked")) },
  } as unknown as Parameters<typeof getObject>[0];
  const call = Object.assign(new EventEmitter(), { cancelled: false }) as unknown as AnswerCall;
  const wanted = { fid: "f".repeat(64) as Fid, offset: 0, length: null };
  const sent = { encryptionKey: new Uint8Array(), cipher: "", account: "", ...keys };
  const log = createLog({ service: "test", level: "debug", destination: { write } });
  await getObject(ports, { ...wanted, keys: sent }, call).catch((thrown) =>
    lastValueFrom(new GrpcErrorFilter({ log }).catch(thrown)).catch(() => undefined),
  );
  return text;
}

describe("the keys that a gRPC reader sends", () => {
  it.each([
    ["ENCRYPTION_KEY_WRONG", 32],
    ["ENCRYPTION_KEY_INVALID", 31],
  ])("are in no line of the log, as with %s", async (code, length) => {
    const key = randomBytes(length);
    const logged = await loggedOf(stored, { encryptionKey: key });
    expect(logged).toContain(code);
    for (const form of [key.toString("base64"), key.toString("hex"), JSON.stringify([...key]).slice(1, -1)]) {
      expect(logged).not.toContain(form);
    }
  });

  it("are in none where they are a password", async () => {
    const logged = await loggedOf(null, { cipher: "correct\nhorse" });
    expect(logged).toContain("CIPHER_INVALID");
    expect(logged).not.toMatch(/correct|horse/);
  });
});
