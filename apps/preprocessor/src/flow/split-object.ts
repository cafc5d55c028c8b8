import type { BlobStore, StagedObject } from "@granary/blob-store";
import { CodedError, SEGMENT_BYTES } from "@granary/primitives";
import type { Claim, EncodingStore, SegmentEncoder, SegmentSlot } from "../ports.js";

interface SplitPorts {
  readonly encodings: Pick<EncodingStore, "encodedIndices" | "saveSegment">;
  readonly staging: Pick<BlobStore, "open">;
  readonly encoder: SegmentEncoder;
}

/**
 * Reads the staged object segment by segment and saves the digests of each as soon as they are known. The next segment
 * is read while earlier ones are encoded; how far ahead, the encoder's slots say. A last segment ends in zeros.
 * Saves what it began also when it ends by an error or the signal: nothing is encoded twice.
 */
export async function splitObject(ports: SplitPorts, claim: Claim, signal: AbortSignal): Promise<void> {
  const done = await ports.encodings.encodedIndices(claim.uploadId);
  const missing = Array.from({ length: claim.segmentCount }, (_, index) => index).filter((index) => !done.has(index));
  if (missing.length === 0) return;
  const staged = await ports.staging.open(claim.uploadId);
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  try {
    checkLength(staged, claim.stagedBytes);
    for (const index of missing) {
      signal.throwIfAborted();
      if (failures.length > 0) break;
      const slot = await ports.encoder.take(signal);
      await readSegment(staged, index, slot);
      const task: Promise<void> = encodeSegment(ports, claim, index, slot)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => running.delete(task));
      running.add(task);
    }
  } finally {
    await Promise.all(running);
    await staged.close();
  }
  if (failures.length > 0) throw failures[0];
}

async function readSegment(staged: StagedObject, index: number, slot: SegmentSlot): Promise<void> {
  try {
    let offset = index * SEGMENT_BYTES;
    for (const quarter of slot.quarters) {
      await staged.read(offset, quarter);
      offset += quarter.length;
    }
  } catch (error) {
    slot.release();
    throw error;
  }
}

async function encodeSegment(ports: SplitPorts, claim: Claim, index: number, slot: SegmentSlot): Promise<void> {
  try {
    const digests = await slot.digest();
    await ports.encodings.saveSegment(claim.uploadId, index, digests);
  } finally {
    slot.release();
  }
}

function checkLength(staged: StagedObject, stagedBytes: number): void {
  if (staged.sizeBytes === stagedBytes) return;
  const [code, what] =
    staged.sizeBytes < stagedBytes ? ["STAGED_OBJECT_TRUNCATED", "fewer"] : ["STAGED_OBJECT_OVERLONG", "more"];
  throw new CodedError(code as string, "corrupt", `${what} bytes are staged than were acknowledged`, {
    staged: staged.sizeBytes,
    acknowledged: stagedBytes,
  });
}
