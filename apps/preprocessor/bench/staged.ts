import { createCipheriv, randomUUID } from "node:crypto";
import { link, mkdir } from "node:fs/promises";
import path from "node:path";
import { type BlobStore, createFilesystemBlobStore } from "@granary/blob-store";
import { MiB, SEGMENT_BYTES, type UploadId } from "@granary/primitives";
import type { Claim } from "../src/ports.js";

const PART_BYTES = 2 * SEGMENT_BYTES;

/** Staged objects of any size whose parts are all one file of random bytes, under as many names: disk for one part only. */
export interface StagedFiles {
  readonly staging: BlobStore;
  claim(sizeBytes: number): Promise<Claim>;
}

export async function stagedFiles(root: string): Promise<StagedFiles> {
  const staging = await createFilesystemBlobStore({ root, reserveBytes: 0 });
  const source = randomUUID() as UploadId;
  async function* body() {
    const stream = createCipheriv("aes-128-ctr", Buffer.alloc(16, 1), Buffer.alloc(16, 7));
    for (let at = 0; at < PART_BYTES; at += MiB) yield stream.update(Buffer.alloc(MiB));
  }
  await staging.writePart({ uploadId: source, index: 0, body: body(), maxBytes: PART_BYTES });
  const folder = path.join(root, "uploads");
  const partFile = (uploadId: UploadId, index: number) => path.join(folder, uploadId, String(index).padStart(16, "0"));
  return {
    staging,
    async claim(sizeBytes) {
      if (sizeBytes % PART_BYTES !== 0) throw new RangeError("whole parts only");
      const uploadId = randomUUID() as UploadId;
      await mkdir(path.join(folder, uploadId));
      for (let index = 0; index * PART_BYTES < sizeBytes; index += 1) {
        await link(partFile(source, 0), partFile(uploadId, index));
      }
      return { uploadId, sizeBytes, stagedBytes: sizeBytes, segmentCount: sizeBytes / SEGMENT_BYTES, attempt: 1 };
    },
  };
}
