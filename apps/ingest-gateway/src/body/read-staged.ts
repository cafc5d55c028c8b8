import type { BlobStore } from "@granary/blob-store";
import { MiB, type UploadId } from "@granary/primitives";

/** The staged bytes of an upload from the beginning, a MiB at a time. */
export async function* readStaged(blobs: BlobStore, uploadId: UploadId): AsyncGenerator<Uint8Array> {
  const staged = await blobs.open(uploadId);
  try {
    for (let at = 0; at < staged.sizeBytes; ) {
      const piece = new Uint8Array(Math.min(MiB, staged.sizeBytes - at));
      at += await staged.read(at, piece);
      yield piece;
    }
  } finally {
    await staged.close();
  }
}
