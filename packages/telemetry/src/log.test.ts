import { CodedError } from "@granary/primitives";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createLog, type Log } from "./log.js";
import { beginEntry, traceAbout, traceEntry } from "./trace.js";
import { startTracing, type Tracing } from "./tracing.js";

function logToMemory(): { log: Log; lines: Record<string, unknown>[]; text(): string } {
  const written: string[] = [];
  const log = createLog({ service: "test", level: "debug", destination: { write: (line) => void written.push(line) } });
  return {
    log,
    text: () => written.join(""),
    get lines() {
      return written.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
  };
}

describe("log", () => {
  let tracing: Tracing;
  beforeAll(() => {
    tracing = startTracing({
      service: "test",
      url: undefined,
      headers: {},
      sampler: "parentbased_always_on",
      ratio: 1,
      resource: {},
      delayMs: 1_000,
    });
  });
  afterAll(() => tracing.stop());

  it("says of every line to which trace, upload and file it belongs, though nothing is exported", async () => {
    const memory = logToMemory();
    const from = `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`;
    await traceEntry("work", { kind: "server", from, about: { upload: "u-1" } }, async () => {
      memory.log.info("before the file is known");
      traceAbout({ fid: "f-1" });
      await new Promise((resolve) => setImmediate(resolve));
      memory.log.with({ part: 2 }).warn("after");
    });
    memory.log.info("outside");
    expect(memory.lines).toMatchObject([
      { level: "info", service: "test", trace: "ab".repeat(16), upload: "u-1" },
      { level: "warn", trace: "ab".repeat(16), upload: "u-1", fid: "f-1", part: 2 },
      { msg: "outside" },
    ]);
    expect(memory.lines[0]).not.toHaveProperty("fid");
    expect(memory.lines[2]).not.toHaveProperty("trace");
  });

  it("keeps works that run side by side apart", async () => {
    const memory = logToMemory();
    const work = (upload: string) =>
      traceEntry("work", { kind: "server", about: { upload } }, async () => {
        await new Promise((resolve) => setImmediate(resolve));
        memory.log.info(upload);
      });
    await Promise.all([work("a"), work("b")]);
    expect(memory.lines.map(({ msg, upload }) => [msg, upload])).toEqual([
      ["a", "a"],
      ["b", "b"],
    ]);
    expect(new Set(memory.lines.map(({ trace }) => trace)).size).toBe(2);
  });

  it("takes no trace from a header that is none", () => {
    for (const from of ["", "00-zz-1-01", `00-${"0".repeat(32)}-${"cd".repeat(8)}-01`, "x".repeat(5_000)]) {
      const memory = logToMemory();
      beginEntry("work", { kind: "server", from }).run(() => memory.log.info("here"));
      expect(memory.lines[0]?.trace).toMatch(/^(?!0+$)[0-9a-f]{32}$/);
    }
  });

  it("never prints what is a secret by its name or its form, however deep it is", () => {
    const { log, text } = logToMemory();
    const secret = "hush-hush";
    const names = [
      "Signature",
      "cipher",
      "GATEWAY_MNEMONIC",
      "password",
      "Authorization",
      "clientSecret",
      "accessToken",
      "Encryption-Key",
      "KEY_ENCRYPTION_KEYS",
      "dataKey",
    ];
    for (const name of names) {
      log.info("flat", { [name]: secret });
      log.info("deep", { request: { headers: { [name]: [secret] } }, list: [{ [name]: { inner: secret } }] });
      log.thrown("thrown", new CodedError("X", "bug", "message", { [name]: secret }));
      log.with({ [name]: secret }).info("bound");
    }
    log.thrown("url", new Error(`cannot connect to postgresql://granary:${secret}@db.example:5432/granary`));
    expect(text()).not.toContain(secret);
    expect(text()).toContain("postgresql://granary:***@db.example:5432/granary");
  });

  it("prints what only looks like a secret", () => {
    const memory = logToMemory();
    memory.log.info("kept", { isCipher: true, ciphertextBytes: 5, seedNumber: 7, at: new Date(0), token: null });
    expect(memory.lines[0]).toMatchObject({ isCipher: true, ciphertextBytes: 5, seedNumber: 7, token: null });
    expect(memory.lines[0]?.at).toBe("1970-01-01T00:00:00.000Z");
  });
});
