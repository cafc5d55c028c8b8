import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it } from "@jest/globals";
import { z } from "zod";
import { commonSettings, readConfig } from "./config.js";
import { Secret, setting } from "./setting.js";

const schema = z.object({
  ...commonSettings,
  CACHE_BYTES: setting.bytes("10GiB").prefault("1GiB"),
  GATEWAY_MNEMONIC: setting.secret(),
});
const good = {
  DATABASE_URL: "postgresql://localhost/granary",
  NATS_URL: "nats://127.0.0.1:4222,nats://127.0.0.2:4222",
  HTTP_PORT: "8080",
  GATEWAY_MNEMONIC: "bottom drive obey",
};

describe("readConfig", () => {
  it("turns text with units into numbers, and fills defaults", () => {
    const config = readConfig(schema, good);
    expect(config).toMatchObject({ HTTP_PORT: 8080, CACHE_BYTES: 2 ** 30, DATABASE_POOL: 10, HTTP_HOST: "127.0.0.1" });
  });

  it("lists all problems at once", () => {
    const read = () =>
      readConfig(schema, { ...good, HTTP_PORT: "70000", NATS_URL: "http://x", CACHE_BYTES: "ten", DATABASE_URL: "" });
    expect(read).toThrow(/HTTP_PORT/);
    expect(read).toThrow(/NATS_URL/);
    expect(read).toThrow(/CACHE_BYTES/);
    expect(read).toThrow(/DATABASE_URL/);
  });

  it("reads a secret from a file, and never both ways at once", () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "granary-config-"));
    const file = path.join(folder, "mnemonic");
    writeFileSync(file, "from the file\n");
    const { GATEWAY_MNEMONIC: _, ...rest } = good;
    expect(readConfig(schema, { ...rest, GATEWAY_MNEMONIC_FILE: file }).GATEWAY_MNEMONIC.reveal()).toBe(
      "from the file",
    );
    expect(() => readConfig(schema, { ...good, GATEWAY_MNEMONIC_FILE: file })).toThrow(/both/);
    expect(() => readConfig(schema, { ...rest, GATEWAY_MNEMONIC_FILE: `${file}.absent` })).toThrow(
      /GATEWAY_MNEMONIC_FILE/,
    );
    rmSync(folder, { recursive: true, force: true });
  });

  it("does not print a secret", () => {
    const secret = new Secret("bottom drive obey");
    expect(`${secret} ${JSON.stringify({ secret })}`).not.toContain("bottom");
  });
});
