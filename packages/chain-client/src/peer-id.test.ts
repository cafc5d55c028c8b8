import { createHash } from "node:crypto";
import { expect, it } from "@jest/globals";
import { hexToU8a } from "@polkadot/util";
import { addressIn, peerIdFor } from "./peer-id.js";

const read = (hex: string): string | null => addressIn(hexToU8a(hex));

it.each(["http://127.0.0.1:15001", "https://m.example", "http://abcdefghijklmnopqrst:1500"])(
  "the address %s is found again where a peer id stands",
  (address) => {
    expect(peerIdFor(address)).toMatch(/^0x002408011220[0-9a-f]{64}$/);
    expect(read(peerIdFor(address))).toBe(address);
  },
);

it("an address that is too long has a peer id of its own, which names no address", () => {
  const long = "https://miner-with-a-long-name.example.org:15001";
  expect(peerIdFor(long)).toBe(`0x002408011220${createHash("sha256").update(long).digest("hex")}`);
  expect(read(peerIdFor(long))).toBeNull();
});

it("keys, and bytes that are no peer id, name no address", () => {
  expect(read(`0x002408011220${"00".repeat(32)}`)).toBeNull();
  expect(read(`0x002408011220${Buffer.from("http://a\0b".padEnd(32, "\0")).toString("hex")}`)).toBeNull();
  expect(read(`0x12${peerIdFor("http://a:1").slice(4)}`)).toBeNull();
  expect(read(peerIdFor("http://a:1").slice(0, -2))).toBeNull();
  expect(read(peerIdFor("granary"))).toBeNull();
});
