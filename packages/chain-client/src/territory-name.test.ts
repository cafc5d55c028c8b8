import { expect, it } from "@jest/globals";
import { hexToU8a, stringToU8a } from "@polkadot/util";
import { territoryNameBytes, territoryNameFrom } from "./territory-name.js";

const token = `0x${"9f".repeat(32)}`;

it.each(["photos", "фото", "a name of thirty-two bytes here.", "0x12", token])(
  "%s is the same there and back",
  (name) => {
    expect(territoryNameFrom(territoryNameBytes(name))).toBe(name);
  },
);

it("a token is its bytes, and a name somebody chose is its text's", () => {
  expect(territoryNameBytes(token)).toEqual(hexToU8a(token));
  expect(territoryNameFrom(hexToU8a(token))).toBe(token);
  expect(territoryNameFrom(hexToU8a(`0x00${"61".repeat(31)}`))).toBe(`0x00${"61".repeat(31)}`);
  expect(territoryNameBytes("0x12")).toEqual(stringToU8a("0x12"));
});

it("bytes that are neither become something that databases take", () => {
  expect(territoryNameFrom(Uint8Array.of(0xff, 0x61, 0))).toBe("\ufffda\ufffd");
});
