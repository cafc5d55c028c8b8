import { accountOf, loadSigner, parseAccount } from "@granary/chain-client/accounts";
import { CodedError } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { hexToU8a, u8aToHex } from "@polkadot/util";
import {
  base58Encode,
  cryptoWaitReady,
  encodeAddress,
  ethereumEncode,
  secp256k1PairFromSeed,
  secp256k1Sign,
} from "@polkadot/util-crypto";
import { accountOfEthereum, isEthereumAddress, recoverEthereumSigner } from "./ethereum.js";
import { type Credentials, identify } from "./identify.js";

await cryptoWaitReady();
const alice = await loadSigner("//Alice");
const bob = await loadSigner("//Bob");
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

const text = (message: string) => new TextEncoder().encode(message);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const aliceSays = (message: string, signature: string): Credentials => ({
  account: alice.account,
  ethAddress: undefined,
  message,
  signature,
});

async function outcome(credentials: Credentials): Promise<string> {
  try {
    return await identify(credentials, NOW);
  } catch (error) {
    return (error as CodedError).code;
  }
}

describe("a Substrate signature", () => {
  const plain = alice.sign(text("hello"));
  const wrapped = alice.sign(text("<Bytes>hello</Bytes>"));
  it.each<[string, string, string]>([
    ["hexadecimal with 0x", "hello", `0x${hex(plain)}`],
    ["bare hexadecimal", "hello", hex(plain)],
    ["base58", "hello", base58Encode(plain)],
    ["wrapped by a wallet, hexadecimal with 0x", "hello", `0x${hex(wrapped)}`],
    ["wrapped by a wallet, bare hexadecimal", "hello", hex(wrapped)],
    ["wrapped by a wallet, base58", "hello", base58Encode(wrapped)],
    ["over a message that has the tags already, base58", "<Bytes>hello</Bytes>", base58Encode(wrapped)],
    ["over a message that has the tags already, hexadecimal", "<Bytes>hello</Bytes>", hex(wrapped)],
    ["without the tags that the message has", "<Bytes>hello</Bytes>", hex(plain)],
  ])("is accepted: %s", async (_what, message, signature) => {
    expect(await outcome(aliceSays(message, signature))).toBe(alice.account);
  });

  it.each<[string, string, string]>([
    ["over another message", "hello!", hex(plain)],
    ["of another account", "hello", hex(bob.sign(text("hello")))],
    ["one byte short", "hello", hex(plain.subarray(1))],
    ["one byte long", "hello", `${hex(plain)}00`],
    ["neither hexadecimal nor base58", "hello", "0OIl"],
  ])("is refused: %s", async (_what, message, signature) => {
    expect(await outcome(aliceSays(message, signature))).toBe("SIGNATURE_INVALID");
  });

  it("is asked of the account in either of its forms, and of no other chain's", async () => {
    const generic = encodeAddress(alice.publicKey, 42);
    const signature = hex(plain);
    expect(await outcome({ ...aliceSays("hello", signature), account: generic })).toBe(parseAccount(generic));
    const polkadot = encodeAddress(alice.publicKey, 0);
    expect(await outcome({ ...aliceSays("hello", signature), account: polkadot })).toBe("ACCOUNT_INVALID");
  });

  it.each(["account", "message", "signature"] as const)("is missing without the header %s", async (name) => {
    expect(await outcome({ ...aliceSays("hello", hex(plain)), [name]: undefined })).toBe("SIGNATURE_MISSING");
  });
});

describe("a message that names its end", () => {
  const seconds = NOW / 1000;
  it.each<[string, "accepted" | "SIGNATURE_EXPIRED"]>([
    [`${seconds + 1}`, "accepted"],
    [`${seconds}`, "SIGNATURE_EXPIRED"],
    [`${NOW + 1}`, "accepted"],
    [`${NOW}`, "SIGNATURE_EXPIRED"],
    ["1000000000", "SIGNATURE_EXPIRED"],
    ["999999999", "accepted"],
    ["1234567890123456", "accepted"],
    ["2026-01-02 03:04:06", "accepted"],
    ["2026-01-02 03:04:05", "SIGNATURE_EXPIRED"],
    ["2025-02-31 00:00:00", "accepted"],
    ["2020-01-01", "accepted"],
    ["<Bytes>cess-js-sdk-1000000000000</Bytes>", "accepted"],
    ["hello", "accepted"],
  ])("%s is %s", async (message, expected) => {
    const found = await outcome(aliceSays(message, hex(alice.sign(text(message)))));
    expect(found).toBe(expected === "accepted" ? alice.account : expected);
  });
});

describe("an Ethereum signature", () => {
  const pair = secp256k1PairFromSeed(new Uint8Array(32).fill(7));
  const address = ethereumEncode(pair.publicKey);
  const sign = (message: string): Uint8Array => {
    const bytes = text(message);
    const prefixed = Buffer.concat([Buffer.from(`\u0019Ethereum Signed Message:\n${bytes.length}`), bytes]);
    return secp256k1Sign(prefixed, pair, "keccak");
  };
  const own = accountOfEthereum(address);
  const says = (message: string, signature: Uint8Array, more: Partial<Credentials> = {}): Credentials => ({
    account: own,
    ethAddress: address,
    message,
    signature: u8aToHex(signature),
    ...more,
  });
  const withRecovery = (signature: Uint8Array, add: number) => {
    const copy = Uint8Array.from(signature);
    copy[64] = (copy[64] as number) + add;
    return copy;
  };

  it("speaks for the account that the chain derives from its address, with either recovery byte, with or without 0x", async () => {
    const signature = sign("grüße");
    expect(await outcome(says("grüße", signature))).toBe(own);
    expect(await outcome(says("grüße", withRecovery(signature, 27)))).toBe(own);
    expect(await outcome(says("grüße", signature, { signature: hex(signature) }))).toBe(own);
    expect(await outcome(says("grüße", signature, { account: undefined }))).toBe(own);
  });

  it("does not speak for any other account", async () => {
    const found = await outcome(says("hello", sign("hello"), { account: alice.account }));
    expect(found).toBe("SIGNATURE_ACCOUNT_MISMATCH");
  });

  it("is refused for another message, another recovery byte, another address, or one in the wrong case", async () => {
    const signature = sign("hello");
    expect(await outcome(says("hello!", signature))).toBe("SIGNATURE_INVALID");
    expect(await outcome(says("hello", withRecovery(signature, 5)))).toBe("SIGNATURE_INVALID");
    expect(await outcome(says("hello", signature.subarray(0, 64)))).toBe("SIGNATURE_INVALID");
    const other = ethereumEncode(secp256k1PairFromSeed(new Uint8Array(32).fill(8)).publicKey);
    expect(await outcome(says("hello", signature, { ethAddress: other }))).toBe("SIGNATURE_INVALID");
    const lower = address.toLowerCase();
    expect(await outcome(says("hello", signature, { ethAddress: lower }))).toBe("ETH_ADDRESS_INVALID");
  });

  it("made by another library is recovered", () => {
    // The example of web3.js' accounts.sign.
    const signature =
      "0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c";
    expect(recoverEthereumSigner("Some data", signature)).toBe("0x2c7536E3605D9C16a7a3D7b1898e529396a65c23");
  });

  it("comes from an address whose case is its checksum", () => {
    // The examples of EIP-55 itself.
    expect(isEthereumAddress("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")).toBe(true);
    expect(isEthereumAddress("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359")).toBe(true);
    expect(isEthereumAddress("0x5aAeb6053f3E94C9b9A09f33669435E7Ef1BeAed")).toBe(false);
    expect(isEthereumAddress("0x1234")).toBe(false);
  });

  it("gives the account blake2-256 of evm: and the address", async () => {
    const { blake2AsU8a } = await import("@polkadot/util-crypto");
    const expected = accountOf(blake2AsU8a(Buffer.concat([Buffer.from("evm:"), hexToU8a(address)])));
    expect(own).toBe(expected);
  });
});
