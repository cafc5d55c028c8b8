import { createHash, randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { UploadId } from "@granary/primitives";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type BlobStore, createFilesystemBlobStore } from "./index.js";

async function* once(bytes: Uint8Array) {
  yield bytes;
}

describe("filesystem blob store", () => {
  let root: string;
  let store: BlobStore;
  beforeEach(async () => {
    root = await mkdtemp(path.join(os.tmpdir(), "granary-blob-"));
    store = await createFilesystemBlobStore({ root, reserveBytes: 0 });
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const newUpload = () => randomUUID() as UploadId;

  it("gives back the parts as one object at any offset, whatever order they came in", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 20 }),
        fc.infiniteStream(fc.nat(10_000)),
        async (sizes, order) => {
          const uploadId = newUpload();
          const parts = sizes.map((size, index) => ({ index: index * 7, bytes: new Uint8Array(randomBytes(size)) }));
          const shuffled = parts
            .map((part) => ({ part, key: order.next().value as number }))
            .sort((a, b) => a.key - b.key);
          for (const { part } of shuffled) {
            await store.writePart({ uploadId, index: part.index, body: once(part.bytes), maxBytes: 1000 });
          }
          const whole = Buffer.concat(parts.map((part) => part.bytes));
          const object = await store.open(uploadId);
          expect(object.sizeBytes).toBe(whole.length);
          for (const offset of [0, 1, Math.floor(whole.length / 2), whole.length]) {
            const into = new Uint8Array(257).fill(9);
            const count = await object.read(offset, into);
            expect(count).toBe(Math.max(0, Math.min(257, whole.length - offset)));
            expect(Buffer.from(into.subarray(0, count)).equals(whole.subarray(offset, offset + count))).toBe(true);
            expect(into.subarray(count).every((byte) => byte === 0)).toBe(true);
          }
          await object.close();
          await store.remove(uploadId);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("says the digest of what it wrote, and replaces a part of the same index", async () => {
    const uploadId = newUpload();
    await store.writePart({ uploadId, index: 0, body: once(randomBytes(50)), maxBytes: 100 });
    const bytes = randomBytes(10);
    const written = await store.writePart({ uploadId, index: 0, body: once(bytes), maxBytes: 100 });
    expect(written).toEqual({ sizeBytes: 10, sha256: createHash("sha256").update(bytes).digest("hex") });
    expect(await store.listParts(uploadId)).toEqual([{ index: 0, sizeBytes: 10 }]);
  });

  it.each([
    ["a body longer than allowed", { maxBytes: 9 }, "PART_TOO_LARGE"],
    ["a body shorter than announced", { maxBytes: 100, expectedBytes: 11 }, "PART_LENGTH_WRONG"],
    ["a body longer than announced", { maxBytes: 100, expectedBytes: 9 }, "PART_LENGTH_WRONG"],
    ["a body for which the disk has no room", { maxBytes: 1e18, expectedBytes: 1e18 }, "STAGING_FULL"],
  ])("leaves nothing behind of %s", async (_name, limits, code) => {
    const uploadId = newUpload();
    await expect(store.writePart({ uploadId, index: 0, body: once(randomBytes(10)), ...limits })).rejects.toMatchObject(
      { code },
    );
    expect(await store.listParts(uploadId)).toEqual([]);
    expect(await readdir(path.join(root, "incoming"))).toEqual([]);
  });

  it("leaves nothing behind of a body that breaks off", async () => {
    const uploadId = newUpload();
    async function* broken() {
      yield randomBytes(10);
      throw new Error("connection lost");
    }
    await expect(store.writePart({ uploadId, index: 0, body: broken(), maxBytes: 100 })).rejects.toThrow(
      "connection lost",
    );
    expect(await readdir(path.join(root, "incoming"))).toEqual([]);
  });

  it("keeps a part that was received out of every upload until it is placed, and leaves nothing of one discarded", async () => {
    const uploadId = newUpload();
    const bytes = randomBytes(10);
    const [kept, dropped] = [
      await store.receivePart({ body: once(bytes), maxBytes: 100 }),
      await store.receivePart({ body: once(randomBytes(20)), maxBytes: 100 }),
    ];
    expect(await store.listParts(uploadId)).toEqual([]);
    await kept.place(uploadId, 3);
    await kept.discard();
    await dropped.discard();
    expect(await store.listParts(uploadId)).toEqual([{ index: 3, sizeBytes: 10 }]);
    expect(await readdir(path.join(root, "incoming"))).toEqual([]);
    const object = await store.open(uploadId);
    const into = new Uint8Array(10);
    await object.read(0, into);
    expect([...into]).toEqual([...bytes]);
    await object.close();
  });

  it("never uses an upload id as a path before checking it", async () => {
    await expect(store.remove("../../etc" as UploadId)).rejects.toMatchObject({ code: "UPLOAD_ID_INVALID" });
  });

  it("says so when an upload has nothing staged", async () => {
    await expect(store.open(newUpload())).rejects.toMatchObject({ code: "STAGED_OBJECT_ABSENT" });
  });
});
