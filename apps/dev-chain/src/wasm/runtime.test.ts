import { beforeAll, describe, expect, it } from "@jest/globals";
import {
  blake2AsU8a,
  cryptoWaitReady,
  ed25519PairFromSeed,
  ed25519Sign,
  keccakAsU8a,
  secp256k1PairFromSeed,
  secp256k1Sign,
  sr25519PairFromSeed,
  sr25519Sign,
} from "@polkadot/util-crypto";
import { OwnRuntime, ownCode } from "../../test/own-runtime.js";
import { decode, encode, fromHex, type Hex, toHex } from "../engine/codec.js";
import { ExecutionFailed } from "../engine/engine.js";
import type { Log } from "./host/index.js";
import { emptyState } from "./runtime.js";
import { orderedRoot } from "./trie.js";

const text = (value: string): Uint8Array => Buffer.from(value, "utf8");
const option = (bytes: Uint8Array): string | null => {
  const value = decode<Hex | null>("Option<Vec<u8>>", bytes);
  return value === null ? null : Buffer.from(value.slice(2), "hex").toString("utf8");
};
const noLimit = encode("Option<u32>", null);
const limit = (most: number): Uint8Array => encode("Option<u32>", most);

beforeAll(() => cryptoWaitReady());
const start = (log?: Log) => OwnRuntime.on(emptyState(), log);

describe("hashing", () => {
  // The digests of "abc", from the standards that define them and xxHash's own 64-bit reference with seeds 0 to 3.
  const digests: Readonly<Record<string, string>> = {
    blake2_128: "cf4ab791c62b8d2b2109c90275287816",
    blake2_256: "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319",
    keccak_256: "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
    sha2_256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    twox_64: "990977adf52cbc44",
    twox_128: "990977adf52cbc440889329981caa9be",
  };
  it.each(Object.entries(digests))("%s", async (name, digest) => {
    const runtime = await start();
    expect(Buffer.from(runtime.call(`ext_hashing_${name}_version_1`, text("abc"))).toString("hex")).toBe(digest);
  });

  it("the long ones begin as the short ones do, or are as long as their name says", async () => {
    const runtime = await start();
    const twox = Buffer.from(runtime.call("ext_hashing_twox_256_version_1", text("abc"))).toString("hex");
    expect(twox.startsWith(digests.twox_128!)).toBe(true);
    expect(twox).toHaveLength(64);
    expect(runtime.call("ext_hashing_keccak_512_version_1", text("abc"))).toHaveLength(64);
  });
});

describe("signatures", () => {
  const seed = new Uint8Array(32).fill(5);
  const message = text("a message");
  const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 10 ? byte ^ 1 : byte));

  it.each([
    ["ed25519", "ext_crypto_ed25519_verify_version_1", () => ed25519PairFromSeed(seed), ed25519Sign],
    ["sr25519", "ext_crypto_sr25519_verify_version_2", () => sr25519PairFromSeed(seed), sr25519Sign],
  ] as const)("%s: the signer's is good, any other and bytes that are none are not", async (_, name, pairOf, sign) => {
    const runtime = await start();
    const pair = pairOf();
    const signature = sign(message, pair);
    expect(runtime.number(name, signature, message, pair.publicKey)).toBe(1);
    expect(runtime.number(name, flip(signature), message, pair.publicKey)).toBe(0);
    expect(runtime.number(name, signature, text("another"), pair.publicKey)).toBe(0);
    expect(runtime.number(name, new Uint8Array(64).fill(255), message, new Uint8Array(32).fill(255))).toBe(0);
  });

  it("ECDSA: who signed is found out, with Ethereum's way of counting too", async () => {
    const runtime = await start();
    const pair = secp256k1PairFromSeed(seed);
    const signature = secp256k1Sign(message, pair, "blake2");
    const digest = blake2AsU8a(message, 256);
    const compressed = runtime.call("ext_crypto_secp256k1_ecdsa_recover_compressed_version_2", signature, digest);
    expect(toHex(compressed)).toBe(`0x00${toHex(pair.publicKey).slice(2)}`);
    const ethereum = signature.map((byte, i) => (i === 64 ? byte + 27 : byte));
    const whole = runtime.call("ext_crypto_secp256k1_ecdsa_recover_version_2", ethereum, digest);
    expect([whole[0], whole.length]).toEqual([0, 65]);
    // A key's x coordinate is the same in both forms.
    expect(whole.slice(1, 33)).toEqual(pair.publicKey.slice(1));
    expect(runtime.number("ext_crypto_ecdsa_verify_version_2", signature, message, pair.publicKey)).toBe(1);
    expect(runtime.number("ext_crypto_ecdsa_verify_version_2", signature, text("another"), pair.publicKey)).toBe(0);
  });

  it("ECDSA: what cannot be a signature is an error and no trap", async () => {
    const runtime = await start();
    const recover = (signature: Uint8Array) =>
      runtime.call("ext_crypto_secp256k1_ecdsa_recover_version_2", signature, keccakAsU8a(message));
    expect([...recover(new Uint8Array(65).fill(9))]).toEqual([1, 1]);
    expect([...recover(new Uint8Array(65))]).toEqual([1, 2]);
    expect(runtime.number("ext_crypto_ecdsa_verify_version_2", new Uint8Array(65), message, new Uint8Array(33))).toBe(
      0,
    );
  });

  it("what cannot be a signature spoils nothing for those that are, however often it comes", async () => {
    const runtime = await start();
    const nothing = {
      signature: new Uint8Array(65),
      digest: blake2AsU8a(message, 256),
      key: new Uint8Array(32).fill(255),
    };
    // A trap leaves a few hundred bytes on the stack of the library's WebAssembly, which has a mebibyte.
    for (let i = 0; i < 3000; i += 1) {
      runtime.call("ext_crypto_secp256k1_ecdsa_recover_compressed_version_2", nothing.signature, nothing.digest);
      for (const kind of ["ed25519_verify_version_1", "sr25519_verify_version_2"]) {
        runtime.number(`ext_crypto_${kind}`, nothing.signature.subarray(1), message, nothing.key);
      }
    }
    const ecdsa = secp256k1PairFromSeed(seed);
    const signature = secp256k1Sign(message, ecdsa, "blake2");
    expect(runtime.number("ext_crypto_ecdsa_verify_version_2", signature, message, ecdsa.publicKey)).toBe(1);
    const sr25519 = sr25519PairFromSeed(seed);
    const verified = [sr25519Sign(message, sr25519), message, sr25519.publicKey] as const;
    expect(runtime.number("ext_crypto_sr25519_verify_version_2", ...verified)).toBe(1);
  });

  it("the host has no keys of its own", async () => {
    const runtime = await start();
    expect([...runtime.call("ext_crypto_sr25519_public_keys_version_1", text("babe"))]).toEqual([0]);
  });
});

describe("storage", () => {
  const fill = (runtime: OwnRuntime, ...keys: readonly string[]) => {
    for (const key of keys) runtime.call("ext_storage_set_version_1", text(key), text(`value of ${key}`));
  };
  const get = (runtime: OwnRuntime, key: string) => option(runtime.call("ext_storage_get_version_1", text(key)));
  const next = (runtime: OwnRuntime, key: string) => option(runtime.call("ext_storage_next_key_version_1", text(key)));

  it("holds what was set until it is cleared, from call to call", async () => {
    const runtime = await start();
    expect(get(runtime, "a")).toBeNull();
    fill(runtime, "a");
    expect(get(runtime, "a")).toBe("value of a");
    expect(runtime.number("ext_storage_exists_version_1", text("a"))).toBe(1);
    runtime.call("ext_storage_clear_version_1", text("a"));
    expect([get(runtime, "a"), runtime.number("ext_storage_exists_version_1", text("a"))]).toEqual([null, 0]);
  });

  it("an empty value is there", async () => {
    const runtime = await start();
    runtime.call("ext_storage_set_version_1", text("a"), new Uint8Array());
    expect([get(runtime, "a"), runtime.number("ext_storage_exists_version_1", text("a"))]).toEqual(["", 1]);
  });

  it("is read in pieces: what fits, from an offset on, and how much there is from there", async () => {
    const runtime = await start();
    const rest = (key: string, offset: number) =>
      decode<number | null>(
        "Option<u32>",
        runtime.call("ext_storage_read_version_1", text(key), new Uint8Array(8), offset),
      );
    const piece = (offset: number) => Buffer.from(runtime.call("read_eight", text("a"), offset)).toString("latin1");
    fill(runtime, "a");
    expect([rest("a", 0), rest("a", 6), rest("a", 10), rest("a", 2 ** 31), rest("b", 0)]).toEqual([10, 4, 0, 0, null]);
    expect([piece(0), piece(6), piece(20)]).toEqual(["value of", "of a\0\0\0\0", "\0".repeat(8)]);
  });

  it("keys come in the order of their bytes", async () => {
    const runtime = await start();
    fill(runtime, "b", "ab", "a", "c");
    const keys = [];
    for (let key = next(runtime, ""); key !== null; key = next(runtime, key)) keys.push(key);
    expect(keys).toEqual(["a", "ab", "b", "c"]);
  });

  it("transactions nest: an inner one that is kept goes with an outer one that is dropped", async () => {
    const runtime = await start();
    const run = (...steps: readonly string[]) => {
      for (const step of steps) runtime.call(`ext_storage_${step}_transaction_version_1`);
    };
    run("start");
    fill(runtime, "outer");
    run("start");
    fill(runtime, "inner");
    run("commit");
    expect(get(runtime, "inner")).toBe("value of inner");
    run("rollback");
    expect([get(runtime, "inner"), get(runtime, "outer")]).toEqual([null, null]);
    expect(() => run("commit")).toThrow(ExecutionFailed);
  });

  it("lists grow by an item; what is no list begins anew", async () => {
    const runtime = await start();
    const append = (item: string) =>
      runtime.call("ext_storage_append_version_1", text("list"), encode("Vec<u8>", toHex(text(item))));
    for (let i = 0; i < 70; i += 1) append(`item ${i}`);
    const list = decode<Hex[]>("Vec<Vec<u8>>", runtime.state.get(text("list"))!);
    expect(list.map((item) => Buffer.from(fromHex(item)).toString())).toEqual(
      Array.from({ length: 70 }, (_, i) => `item ${i}`),
    );
    runtime.call("ext_storage_set_version_1", text("list"), new Uint8Array());
    append("first");
    expect(decode<Hex[]>("Vec<Vec<u8>>", runtime.state.get(text("list"))!)).toHaveLength(1);
  });

  it("what the block itself wrote goes with its prefix whatever the limit", async () => {
    const runtime = await start();
    fill(runtime, "ab", "ac", "b");
    const cleared = runtime.call("ext_storage_clear_prefix_version_2", text("a"), limit(0));
    expect([...cleared]).toEqual([0, 0, 0, 0, 0]);
    expect([get(runtime, "ab"), get(runtime, "ac"), get(runtime, "b")]).toEqual([null, null, "value of b"]);
  });

  it("a child is a state of its own, which the root commits to", async () => {
    const runtime = await start();
    const root = () => toHex(runtime.call("ext_storage_root_version_2", 1));
    const child = (name: string, key: string) =>
      option(runtime.call("ext_default_child_storage_get_version_1", text(name), text(key)));
    const set = (name: string, key: string, value: string) =>
      runtime.call("ext_default_child_storage_set_version_1", text(name), text(key), text(value));
    fill(runtime, "k");
    const before = root();
    set("one", "k", "of one");
    set("other", "k", "of other");
    set("other", "l", "more");
    expect([child("one", "k"), child("other", "k"), get(runtime, "k")]).toEqual(["of one", "of other", "value of k"]);
    const within = root();
    expect(within).not.toBe(before);
    const ofChild = runtime.call("ext_default_child_storage_root_version_2", text("one"), 1);
    expect(runtime.state.get(text(":child_storage:default:one"))).toEqual(ofChild);
    const after = (key: string) =>
      option(runtime.call("ext_default_child_storage_next_key_version_1", text("one"), text(key)));
    expect([after(""), after("k")]).toEqual(["k", null]);
    runtime.call("ext_default_child_storage_storage_kill_version_3", text("other"), noLimit);
    runtime.call("ext_default_child_storage_clear_version_1", text("one"), text("k"));
    expect([child("other", "k"), child("one", "k")]).toEqual([null, null]);
    expect(root()).toBe(before);
  });

  it("the root is that of the trie of all entries", async () => {
    const runtime = await start();
    const items = Array.from({ length: 40 }, (_, i) => text(`item ${i} `.repeat(i)));
    for (const [i, item] of items.entries()) {
      runtime.call("ext_storage_set_version_1", encode("Compact<u32>", i), item);
    }
    const expected = toHex(orderedRoot(items, 1));
    expect(toHex(runtime.call("ext_storage_root_version_2", 1))).toBe(expected);
    const list = encode("Vec<Vec<u8>>", items.map(toHex));
    expect(toHex(runtime.call("ext_trie_blake2_256_ordered_root_version_2", list, 1))).toBe(expected);
    expect(toHex(runtime.call("ext_trie_blake2_256_ordered_root_version_2", list, 0))).not.toBe(expected);
  });
});

describe("the host", () => {
  it("gives each call memory as new, whatever the last one wrote", async () => {
    const runtime = await start();
    expect([runtime.number("count"), runtime.number("count"), runtime.number("count")]).toEqual([8, 8, 8]);
  });

  it("a trap is an error with the runtime's last words, and the next call is well", async () => {
    const lines: string[] = [];
    const runtime = await start((level, target, message) => lines.push(`${level} ${target}: ${message}`));
    expect(() => runtime.call("trap")).toThrow("unreachable");
    expect(runtime.number("stack")).toBe(2048);
    expect(() => runtime.call("log_and_trap", text("pallet"), text("panicked at 'no'"))).toThrow("panicked at 'no'");
    expect(lines).toEqual(["error pallet: panicked at 'no'"]);
    expect(() => runtime.call("trap")).toThrow("unreachable");
    expect(runtime.number("count")).toBe(8);
  });

  it("says what it does not have, by name: an entry of the runtime, a function of its own", async () => {
    const runtime = await start();
    expect(() => runtime.call("Nothing_here")).toThrow("Exported method Nothing_here is not found");
    expect(() => runtime.call("ext_offchain_timestamp_version_1")).toThrow(
      "the host has no function ext_offchain_timestamp_version_1",
    );
    expect(runtime.number("count")).toBe(8);
  });

  it("hands memory out again once it was given back, and never twice", async () => {
    const runtime = await start();
    const pair = (name: string, size: number) => {
      const answer = Buffer.from(runtime.raw(name, encode("u32", size)));
      return [answer.readUInt32LE(0), answer.readUInt32LE(4)] as const;
    };
    for (const size of [0, 1, 8, 9, 1000, 1 << 25]) {
      const [freed, again] = pair("malloc_twice", size);
      expect(again).toBe(freed);
      const [one, other] = pair("malloc_apart", size);
      expect(other - one).toBeGreaterThanOrEqual(size);
      expect(one % 8).toBe(0);
    }
  });

  it("refuses more memory than one piece may have, and to free what is not in use", async () => {
    const runtime = await start();
    expect(() => runtime.raw("malloc_apart", encode("u32", (1 << 25) + 1))).toThrow(/33554433 bytes at once/);
    expect(() => runtime.raw("free", encode("u32", 4096))).toThrow(/nothing was allocated at 4096/);
    expect(() => runtime.raw("free", encode("u32", 2 ** 31))).toThrow(ExecutionFailed);
  });

  it("takes arguments of any length", async () => {
    const runtime = await start();
    for (const length of [0, 1, 100_000, 5_000_000]) {
      const bytes = new Uint8Array(length).fill(length % 251);
      expect(Buffer.compare(runtime.raw("echo", bytes), bytes)).toBe(0);
    }
  });

  it("passes on what runtimes print, and says how much of it it wants", async () => {
    const lines: string[] = [];
    const runtime = await start((level, _, message) => lines.push(`${level} ${message}`));
    runtime.call("ext_misc_print_num_version_1", 2n ** 64n - 1n);
    runtime.call("ext_misc_print_utf8_version_1", text("word"));
    runtime.call("ext_misc_print_hex_version_1", Uint8Array.of(1, 255));
    runtime.call("ext_logging_log_version_1", 2, text("target"), text("careful"));
    expect(lines).toEqual(["debug 18446744073709551615", "debug word", "debug 01ff", "warn careful"]);
    expect(runtime.number("ext_logging_max_level_version_1")).toBe(3);
  });

  it("tells the version of other code, and that bytes are none", async () => {
    const runtime = await start();
    const versionOf = (code: Uint8Array) => toHex(runtime.call("ext_misc_runtime_version_version_1", code));
    expect(versionOf(await ownCode())).toBe("0x011007000000");
    expect(versionOf(text("nothing of the kind"))).toBe("0x00");
  });

  it("drops what a block leaves for off-chain workers and for who serves old transactions", async () => {
    const runtime = await start();
    const before = toHex(runtime.state.root(1));
    runtime.call("ext_offchain_index_set_version_1", text("key"), text("value"));
    runtime.call("ext_transaction_index_index_version_1", 0, 10, new Uint8Array(32));
    expect(toHex(runtime.state.root(1))).toBe(before);
  });
});
