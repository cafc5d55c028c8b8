import { CodedError } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { Keyring } from "@polkadot/keyring";
import { base58Encode, encodeAddress } from "@polkadot/util-crypto";
import {
  accountOf,
  generateMnemonic,
  isSignedBy,
  loadSigner,
  parseAccount,
  publicKeyOf,
  signMessage,
} from "./accounts.js";

const codeOf = async (work: () => unknown) => {
  try {
    await work();
    return "no error";
  } catch (error) {
    return error instanceof CodedError ? error.code : "another error";
  }
};

describe("accounts", () => {
  it("have one form, whichever of the two prefixes they came with", async () => {
    const { publicKey, account } = await loadSigner("//Alice");
    expect(account).toMatch(/^cX/);
    expect(parseAccount(account)).toBe(account);
    expect(parseAccount("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")).toBe(account);
    expect(publicKeyOf(account)).toEqual(publicKey);
  });

  it("refuse other prefixes, broken checksums, keys that are not 32 bytes, and text that is none", async () => {
    const { publicKey, account } = await loadSigner("//Alice");
    const broken = `${account.slice(0, -1)}${account.endsWith("c") ? "d" : "c"}`;
    const others = [encodeAddress(publicKey, 0), broken, encodeAddress(publicKey.slice(0, 8), 42), "", "0x00", "hello"];
    others.push(`0x${Buffer.from(publicKey).toString("hex")}`);
    for (const text of others) expect(await codeOf(() => parseAccount(text))).toBe("ACCOUNT_INVALID");
    expect(() => accountOf(new Uint8Array(31))).toThrow(RangeError);
  });
});

describe("loadSigner", () => {
  it("opens a wallet's keystore with its password, and says which of the two is wrong", async () => {
    const { account } = await loadSigner("//Alice");
    const ring = new Keyring({ type: "sr25519" });
    const keystore = JSON.stringify(ring.createFromUri("//Alice").toJson("open sesame"));
    const signer = await loadSigner(keystore, "open sesame");
    expect(signer.account).toBe(account);
    expect(await isSignedBy(account, "hello", signMessage(signer, "hello"))).toBe(true);
    expect(await codeOf(() => loadSigner(keystore))).toBe("KEY_PASSWORD_MISSING");
    expect(await codeOf(() => loadSigner(keystore, "close"))).toBe("KEY_PASSWORD_WRONG");
    expect(await codeOf(() => loadSigner('{"a":1}', "open sesame"))).toBe("KEYSTORE_INVALID");
    const ed25519 = JSON.stringify(new Keyring({ type: "ed25519" }).createFromUri("//Alice").toJson("open sesame"));
    expect(await codeOf(() => loadSigner(ed25519, "open sesame"))).toBe("KEYSTORE_INVALID");
  });

  it("takes a mnemonic, a seed with or without 0x, and paths", async () => {
    const mnemonic = generateMnemonic();
    const plain = await loadSigner(mnemonic);
    expect((await loadSigner(` ${mnemonic}\n`)).account).toBe(plain.account);
    expect((await loadSigner(`${mnemonic}//1`)).account).not.toBe(plain.account);
    const seed = "0".repeat(63).concat("1");
    expect((await loadSigner(seed)).account).toBe((await loadSigner(`0x${seed}`)).account);
  });

  it("never makes a key of a mistyped mnemonic, and never repeats it", async () => {
    const mistyped = generateMnemonic().replace(/\w+$/, "zzzz");
    for (const secret of [mistyped, "short", "", "0x1234", `${mistyped}//1`]) {
      const failure = await loadSigner(secret).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: "SECRET_INVALID" });
      expect((failure as Error).cause).toBeUndefined();
      if (secret !== "") expect(String((failure as Error).stack)).not.toContain(secret);
    }
  });
});

describe("isSignedBy", () => {
  it("accepts hexadecimal, 0x and base58, over the text and over the text in tags", async () => {
    const signer = await loadSigner("//Alice");
    const hex = signMessage(signer, "1795000000");
    const wrapped = signer.sign(new TextEncoder().encode("<Bytes>1795000000</Bytes>"));
    const forms = [hex, `0x${hex}`, base58Encode(Buffer.from(hex, "hex")), base58Encode(wrapped)];
    forms.push(`0x${Buffer.from(wrapped).toString("hex")}`);
    for (const form of forms) expect(await isSignedBy(signer.account, "1795000000", form)).toBe(true);
  });

  it("refuses another text, another account, a changed bit, and what is no signature", async () => {
    const signer = await loadSigner("//Alice");
    const { account: other } = await loadSigner("//Bob");
    const hex = signMessage(signer, "text");
    const flipped = `${hex.slice(0, -1)}${hex.endsWith("0") ? "1" : "0"}`;
    expect(await isSignedBy(signer.account, "texts", hex)).toBe(false);
    expect(await isSignedBy(other, "text", hex)).toBe(false);
    for (const form of [flipped, "", "0x", hex.slice(2), "00".repeat(64), "ff".repeat(64), "not a signature"]) {
      expect(await isSignedBy(signer.account, "text", form)).toBe(false);
    }
  });
});
