import { createHash } from "node:crypto";
import type { WrittenPart } from "@granary/blob-store";
import { type DataKey, partDigest } from "@granary/domain/encryption";
import { CHUNK_PLAIN_BYTES, type Encryption, stagedBytesOf } from "@granary/domain/object";
import { encryptChunks } from "./chunks.js";

/** What is recorded of a part. */
export interface CodedPart {
  /** As it came. */
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly noncePrefix: Uint8Array | null;
}

/** How the parts of an upload are stored, and how one that comes again is known. */
export interface PartCoding {
  readonly encryption: Encryption;
  /** One use for each time that bytes of a part come. */
  begin(): {
    /** What is stored of the body. */
    over(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
    /** After all of it was. */
    settle(written: WrittenPart): CodedPart;
  };
  digestOf(body: AsyncIterable<Uint8Array>): Promise<string>;
}

export const plainCoding: PartCoding = {
  encryption: "none",
  begin: () => ({ over: (body) => body, settle: (written) => ({ ...written, noncePrefix: null }) }),
  async digestOf(body) {
    const hash = createHash("sha256");
    for await (const piece of body) hash.update(piece);
    return hash.digest("hex");
  },
};

/**
 * A part of an encrypted object, which begins and ends with chunks. Its prefix is drawn for each attempt: the same place
 * encrypted twice with other bytes, as when a client changes its file between two tries, does not use a nonce twice.
 */
export function gcmCoding(
  dataKey: DataKey,
  part: { readonly start: number; readonly endsObject: boolean },
  drawPrefix: () => Uint8Array,
): PartCoding {
  return {
    encryption: "aes-gcm",
    begin() {
      const prefix = drawPrefix();
      const digest = partDigest(dataKey);
      let sizeBytes = 0;
      async function* noted(body: AsyncIterable<Uint8Array>) {
        for await (const piece of body) {
          sizeBytes += piece.length;
          digest.update(piece);
          yield piece;
        }
      }
      const place = { prefix, firstChunk: part.start / CHUNK_PLAIN_BYTES, endsObject: part.endsObject };
      return {
        over: (body) => encryptChunks(noted(body), dataKey, place),
        settle: () => ({ sizeBytes, sha256: digest.hex(), noncePrefix: prefix }),
      };
    },
    async digestOf(body) {
      const digest = partDigest(dataKey);
      for await (const piece of body) digest.update(piece);
      return digest.hex();
    },
  };
}

/** Bytes that are stored of a part of so many bytes. */
export const storedBytesOf = (coding: PartCoding, sizeBytes: number): number =>
  stagedBytesOf(sizeBytes, coding.encryption);
