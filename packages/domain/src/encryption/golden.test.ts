import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type AccountId, SEGMENT_BYTES, type SegmentHash, type UploadId } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { fidOf } from "../object/fid.js";
import { CHUNK_BYTES, CHUNK_PLAIN_BYTES, chunkCountOf, stagedBytesOf } from "../object/segmentation.js";
import { dataKeyOf, decryptChunk, encryptChunk } from "./chunk.js";
import { packRuns, prefixesOf } from "./prefix-run.js";
import { partDigest, unwrapDataKey, wrapDataKey, wrappingKeyOf } from "./wrap.js";

interface Golden {
  readonly dataKey: string;
  readonly partDigest: string;
  readonly wrap: Record<"wrappingKey" | "uploadId" | "account" | "nonce" | "wrapped", string> & { sizeBytes: number };
  readonly objects: readonly {
    readonly sizeBytes: number;
    readonly runs: readonly { readonly firstChunk: number; readonly prefix: string }[];
    readonly storedBytes: number;
    readonly segments: readonly string[];
    readonly fid: string;
  }[];
}

const golden: Golden = JSON.parse(readFileSync(new URL("../../vectors/aes-gcm.json", import.meta.url), "utf8"));
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const key = dataKeyOf(bytesOf(golden.dataKey));

/** The content of all vectors: each is the beginning of the longest. */
const content = (() => {
  const bytes = new Uint8Array(Math.max(...golden.objects.map(({ sizeBytes }) => sizeBytes)));
  const { imul } = Math;
  let state = 1;
  for (let i = 0; i < bytes.length; i += 1) {
    state = (imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
})();

describe("vectors of the aes-gcm mode, made by another implementation", () => {
  it.each(golden.objects.map((one) => [one.sizeBytes, one] as const))(
    "%d bytes: segments, FID, and back",
    (size, one) => {
      const prefixOf = prefixesOf(packRuns(one.runs.map((run) => ({ ...run, prefix: bytesOf(run.prefix) }))));
      const count = chunkCountOf(size);
      expect(stagedBytesOf(size, "aes-gcm")).toBe(one.storedBytes);
      const hashes: string[] = [];
      for (let base = 0; base < count; base += SEGMENT_BYTES / CHUNK_BYTES) {
        const segment = new Uint8Array(SEGMENT_BYTES);
        for (let index = base; index < Math.min(count, base + SEGMENT_BYTES / CHUNK_BYTES); index += 1) {
          const plain = content.subarray(index * CHUNK_PLAIN_BYTES, Math.min(size, (index + 1) * CHUNK_PLAIN_BYTES));
          const place = { prefix: prefixOf(index), index, isLast: index === count - 1 };
          const chunk = encryptChunk(plain, key, place);
          segment.set(chunk, (index - base) * CHUNK_BYTES);
          if (Buffer.compare(decryptChunk(chunk, key, place), plain) !== 0)
            throw new Error(`chunk ${index} is another`);
        }
        hashes.push(createHash("sha256").update(segment).digest("hex"));
      }
      expect(hashes).toEqual(one.segments);
      expect(fidOf(hashes as SegmentHash[])).toBe(one.fid);
    },
  );

  it("wrapped key and digest of a part", () => {
    const { wrappingKey, nonce, wrapped, sizeBytes } = golden.wrap;
    const binding = {
      uploadId: golden.wrap.uploadId as UploadId,
      account: golden.wrap.account as AccountId,
      sizeBytes,
    };
    const wrapping = wrappingKeyOf(bytesOf(wrappingKey));
    expect(Buffer.from(wrapDataKey(key, wrapping, binding, bytesOf(nonce))).toString("hex")).toBe(wrapped);
    expect(unwrapDataKey(bytesOf(wrapped), wrapping, binding).equals(key)).toBe(true);
    const digest = partDigest(key);
    digest.update(content.subarray(0, sizeBytes));
    expect(digest.hex()).toBe(golden.partDigest);
  });
});
