import { describe, expect, it } from "@jest/globals";
import { type GatewayConfig, gatewaySettings } from "../config.js";
import { parseKeyring } from "../identity/keyring.js";
import { encryptionWishOf } from "./encryption.js";

const key = Buffer.alloc(32, 5).toString("base64");
const wish = (headers: Record<string, string>, unasked: "none" | "aes-256-gcm" = "none") =>
  encryptionWishOf({ config: { ENCRYPTION_DEFAULT: unasked } as GatewayConfig }, headers);

describe("how an upload shall be encrypted", () => {
  it("is what its headers say, and what the gateway does unasked where they say nothing", () => {
    expect(wish({})).toEqual({ mode: "none" });
    expect(wish({}, "aes-256-gcm")).toEqual({ mode: "aes-gcm", customerKey: null });
    expect(wish({ encryption: "none" }, "aes-256-gcm")).toEqual({ mode: "none" });
    expect(wish({ encryption: "AES-256-GCM" })).toEqual({ mode: "aes-gcm", customerKey: null });
    expect(wish({ "encryption-key": key }).mode).toBe("aes-gcm");
    expect(wish({ cipher: "123456" }, "aes-256-gcm").mode).toBe("cess-cipher");
  });

  it.each([
    [{ encryption: "rot13" }, "ENCRYPTION_INVALID"],
    [{ encryption: "none", "encryption-key": key }, "ENCRYPTION_AMBIGUOUS"],
    [{ cipher: "x", "encryption-key": key }, "ENCRYPTION_AMBIGUOUS"],
    [{ cipher: "x", encryption: "aes-256-gcm" }, "ENCRYPTION_AMBIGUOUS"],
    [{ "encryption-key": "c2hvcnQ=" }, "ENCRYPTION_KEY_INVALID"],
    [{ "encryption-key": key.slice(0, -1) }, "ENCRYPTION_KEY_INVALID"],
  ] as [Record<string, string>, string][])("%p is refused", (headers, code) => {
    expect(() => wish(headers)).toThrow(expect.objectContaining({ code, category: "invalid" }));
  });
});

describe("the operator's keys", () => {
  const other = Buffer.alloc(32, 6).toString("base64");

  it("wrap under the first, and open under any that is still there", () => {
    const keyring = parseKeyring(`2026-11:${key},\n old:${other}\n`);
    expect(keyring.active?.id).toBe("2026-11");
    expect(keyring.find("old")?.export().toString("base64")).toBe(other);
    expect(keyring.find("older")).toBeNull();
    expect(parseKeyring("").active).toBeNull();
  });

  it.each([`${key}`, `a:${key},a:${other}`, "a:c2hvcnQ=", `a b:${key}`])("%s is refused, and not shown", (text) => {
    const parsing = () => parseKeyring(text);
    expect(parsing).toThrow(expect.objectContaining({ code: "KEYRING_INVALID" }));
    expect(parsing).not.toThrow(new RegExp(key.slice(0, 8)));
  });

  it("are checked when the service reads its settings, which shows nothing of them", () => {
    const parse = (keys: string) => gatewaySettings.shape.KEY_ENCRYPTION_KEYS.safeParse(keys);
    expect(parse(`a:${key}`).success).toBe(true);
    const bad = parse(`a:${key},b:short`);
    expect(bad.success).toBe(false);
    expect(JSON.stringify(bad.error?.issues)).not.toContain(key.slice(0, 8));
    expect(JSON.stringify(parse(`a:${key}`).data)).toBe('"***"');
  });
});
