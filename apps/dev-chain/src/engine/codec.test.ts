import { describe, expect, it } from "@jest/globals";
import { TypeRegistry } from "@polkadot/types";
import fc from "fast-check";
import { decode, encode, toHex } from "./codec.js";
import { ScaleError } from "./scale.js";

const client = new TypeRegistry();
const u128 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n });
const hex32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex);

describe("the codec", () => {
  it("writes numbers as clients do, and reads back what it wrote", () => {
    fc.assert(
      fc.property(u128, (value) => {
        for (const type of ["Compact<u128>", "u128"]) {
          const bytes = encode(type, value);
          expect(toHex(bytes)).toBe(toHex(client.createType(type, value).toU8a()));
          expect(decode(type, bytes)).toBe(value);
        }
      }),
    );
  });

  it("reads back structs, options, lists and tuples", () => {
    const value = fc.record({
      user: hex32,
      price: u128,
      buyers: fc.option(hex32),
      exec: fc.option(fc.nat()),
      locked: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(value, fc.nat())), (list) => {
        const type = "Vec<(ConsignmentInfo, u32)>";
        expect(decode(type, encode(type, list))).toEqual(list);
      }),
    );
  });

  it("refuses bytes that are too few, too many, or out of bounds, whatever they are", () => {
    expect(() => decode("u32", new Uint8Array(3))).toThrow(ScaleError);
    expect(() => decode("u32", new Uint8Array(5))).toThrow(ScaleError);
    expect(() => encode("BoundedVec<u8, 3>", "0x01020304")).toThrow(ScaleError);
    expect(() => decode("BoundedVec<u8, 3>", encode("Vec<u8>", "0x01020304"))).toThrow(ScaleError);
    // Four thousand million items announced in five bytes.
    expect(() => decode("Vec<u64>", new Uint8Array([3, 255, 255, 255, 255]))).toThrow(ScaleError);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decode("RuntimeCall", bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ScaleError);
        }
      }),
    );
  });
});
