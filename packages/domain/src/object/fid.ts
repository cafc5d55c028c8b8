import { createHash } from "node:crypto";
import { digestOf, EMPTY_FID, type Fid, type SegmentHash } from "@granary/primitives";

const parentOf = (left: Buffer, right: Buffer): Buffer => createHash("sha256").update(left).update(right).digest();

/**
 * The identity of a file on chain: the root of a binary tree over its raw segment hashes, paired left to right.
 * An odd last node is paired with itself on every level, so a single segment h gives SHA-256(h ‖ h).
 *
 * It does not cover the size, the padding, or a repetition at the end: contents A and A‖A, or [A,B,C] and [A,B,C,C],
 * share a FID. Equal FID is therefore never a proof of equal content; `compareContent` is.
 */
export function fidOf(segmentHashes: readonly SegmentHash[]): Fid {
  if (segmentHashes.length === 0) return EMPTY_FID as Fid;
  let level: Buffer[] = segmentHashes.map((hash) => Buffer.from(hash, "hex"));
  do {
    const parents: Buffer[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i] as Buffer;
      parents.push(parentOf(left, level[i + 1] ?? left));
    }
    level = parents;
  } while (level.length > 1);
  return digestOf(level[0] as Buffer) as Fid;
}
