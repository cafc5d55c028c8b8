import { cipherKeyOf, decryptSegment, plainBytesPerSegment } from "@granary/domain/object";
import { SEGMENT_BYTES } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { countBytes } from "./count.js";
import { encryptBody } from "./encrypt.js";
import { formFiles, withFirstFile } from "./form.js";
import { sliceOf } from "./slice.js";

async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length] as number;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}

const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });

describe("a slice of a body", () => {
  it("is the same however the body is cut", async () => {
    const bytes = Uint8Array.from({ length: 200 }, (_, i) => i);
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(200), fc.nat(200), async (pieces, a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        const sliced = await collect(sliceOf(cut(bytes, pieces), { start, end }));
        expect(sliced.equals(bytes.subarray(start, end))).toBe(true);
      }),
    );
  });
});

describe("a counted body", () => {
  it("ends at its limit", async () => {
    const body = countBytes(cut(new Uint8Array(100), [30]), 99);
    await expect(collect(body)).rejects.toMatchObject({ code: "OBJECT_TOO_LARGE" });
    const whole = countBytes(cut(new Uint8Array(100), [30]), 100);
    await collect(whole);
    expect(whole.bytes).toBe(100);
  });
});

describe("an encrypted body", () => {
  it("is whole segments that open again, also where the body ends with a segment and one byte later", async () => {
    const key = cipherKeyOf("123456");
    const capacity = plainBytesPerSegment["cess-cipher"];
    const plain = Buffer.alloc(capacity + 1, "granary ");
    for (const length of [0, 5, capacity, capacity + 1]) {
      const cipher = await collect(encryptBody(cut(plain.subarray(0, length), [1_000_003]), key));
      expect(cipher.length).toBe(Math.ceil(length / capacity) * SEGMENT_BYTES);
      for (let at = 0; at < length; at += capacity) {
        const segment = cipher.subarray((at / capacity) * SEGMENT_BYTES, (at / capacity + 1) * SEGMENT_BYTES);
        const opened = decryptSegment(segment, key, { start: 0, end: Math.min(capacity, length - at) });
        expect(Buffer.from(opened).equals(plain.subarray(at, Math.min(length, at + capacity)))).toBe(true);
      }
    }
  });
});

const boundary = "----edge";
const type = `multipart/form-data; boundary=${boundary}`;
const part = (field: string, name: string | null, content: string): string =>
  `--${boundary}\r\nContent-Disposition: form-data; name="${field}"${name === null ? "" : `; filename="${name}"`}\r\n\r\n${content}\r\n`;
const form = (...parts: string[]): Uint8Array => Buffer.from(`${parts.join("")}--${boundary}--\r\n`);

describe("a form", () => {
  it("gives its files in order, whole, however the body is cut, and skips other fields", async () => {
    const bytes = form(
      part("note", null, "x".repeat(40)),
      part("file", "größe.txt", "first\r\n--no edge"),
      part("other", "no.txt", "no"),
      part("file", "b.txt", ""),
      part("file", "c.txt", "third"),
    );
    await fc.assert(
      fc.asyncProperty(sizes, async (pieces) => {
        const files: [string | undefined, string][] = [];
        for await (const file of formFiles(cut(bytes, pieces), type)) {
          files.push([file.name, (await collect(file.body)).toString()]);
        }
        expect(files).toEqual([
          ["größe.txt", "first\r\n--no edge"],
          ["b.txt", ""],
          ["c.txt", "third"],
        ]);
      }),
      { numRuns: 30 },
    );
  });

  it("that breaks off fails the file in it", async () => {
    const bytes = form(part("file", "a.txt", "x".repeat(100))).subarray(0, 120);
    const reading = withFirstFile(formFiles(cut(bytes, [7]), type), (file) => collect(file.body));
    await expect(reading).rejects.toMatchObject({ code: "FORM_INVALID" });
  });

  it("whose body fails tells the body's reason", async () => {
    async function* broken() {
      yield form(part("file", "a.txt", "x".repeat(100))).subarray(0, 120);
      throw Object.assign(new Error("gone"), { code: "BODY_ABORTED" });
    }
    const reading = withFirstFile(formFiles(broken(), type), (file) => collect(file.body));
    await expect(reading).rejects.toThrow("gone");
  });

  it("can be left before it is read", async () => {
    const bytes = form(part("file", "a.txt", "x".repeat(1_000_000)));
    const leaving = withFirstFile(formFiles(cut(bytes, [1000]), type), () => Promise.reject(new Error("refused")));
    await expect(leaving).rejects.toThrow("refused");
  });
});
