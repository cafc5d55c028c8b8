import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { decodingMatrix, encodingMatrix, invert, invertMatrix, multiply, multiplyMatrices } from "./gf256.js";

const element = fc.integer({ min: 0, max: 255 });
const identity = [0, 1, 2, 3].map((r) => [0, 1, 2, 3].map((c) => (r === c ? 1 : 0)));

describe("the field of 256 elements", () => {
  it("multiplies as carry-less multiplication modulo the polynomial does", () => {
    const slow = (a: number, b: number) => {
      let sum = 0;
      for (let bit = 0; bit < 8; bit += 1) if ((b >> bit) & 1) sum ^= a << bit;
      for (let bit = 14; bit >= 8; bit -= 1) if ((sum >> bit) & 1) sum ^= 0x11d << (bit - 8);
      return sum;
    };
    const wrong: [number, number][] = [];
    for (let a = 0; a < 256; a += 1) {
      for (let b = 0; b < 256; b += 1) if (multiply(a, b) !== slow(a, b)) wrong.push([a, b]);
    }
    expect(wrong).toEqual([]);
  });

  it("distributes multiplication over addition", () => {
    fc.assert(
      fc.property(element, element, element, (a, b, c) => {
        expect(multiply(a, b ^ c)).toBe(multiply(a, b) ^ multiply(a, c));
      }),
    );
  });

  it("has an inverse for every element but zero", () => {
    for (let a = 1; a < 256; a += 1) expect(multiply(a, invert(a))).toBe(1);
    expect(() => invert(0)).toThrow(RangeError);
  });
});

describe("the encoding matrix", () => {
  it.each(["g1", "g2"])("is the one that the chain's tools use (%s)", (name) => {
    const { matrix } = JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8"));
    expect(encodingMatrix).toEqual(matrix);
  });

  it("can be inverted for each of the 495 choices of four rows", () => {
    let choices = 0;
    for (let a = 0; a < 12; a += 1) {
      for (let b = a + 1; b < 12; b += 1) {
        for (let c = b + 1; c < 12; c += 1) {
          for (let d = c + 1; d < 12; d += 1) {
            const rows = [a, b, c, d].map((row) => encodingMatrix[row] as number[]);
            expect(multiplyMatrices(decodingMatrix([a, b, c, d]), rows)).toEqual(identity);
            choices += 1;
          }
        }
      }
    }
    expect(choices).toBe(495);
  });

  it("cannot be inverted for a row taken twice", () => {
    expect(() => decodingMatrix([4, 4, 5, 6])).toThrow(RangeError);
  });

  it("inverts matrices that need their rows exchanged", () => {
    const matrix = [
      [0, 0, 0, 7],
      [0, 0, 5, 1],
      [0, 3, 0, 0],
      [2, 0, 9, 0],
    ];
    expect(multiplyMatrices(invertMatrix(matrix), matrix)).toEqual(identity);
  });
});
