import type { UploadModel } from "@granary/database";
import { CodedError } from "@granary/primitives";
import type { ChunkRange } from "../body/content-range.js";
import { sliceOf } from "../body/slice.js";
import type { Ports } from "../ports.js";
import type { NewUpload } from "./begin-upload.js";
import { openChunkedUpload } from "./open-chunked.js";
import { receivePart } from "./receive-part.js";

export type ChunkOwner = Pick<NewUpload, "account" | "territory" | "name" | "contentType" | "placement">;

/**
 * Receives a chunk that names its place by bytes. `bodyBytes` is the announced length of the body: some clients send the
 * whole object each time and mean the stretch that the range names.
 */
export async function receiveRange(
  ports: Ports,
  owner: ChunkOwner,
  range: ChunkRange,
  body: AsyncIterable<Uint8Array>,
  bodyBytes: number | null,
): Promise<UploadModel> {
  const sizeBytes = range.end - range.start;
  const isWholeObject = bodyBytes === range.total && bodyBytes !== sizeBytes;
  if (bodyBytes !== null && bodyBytes !== sizeBytes && !isWholeObject) {
    throw new CodedError("PART_LENGTH_WRONG", "invalid", `the range has ${sizeBytes} bytes, the body ${bodyBytes}`, {
      rangeBytes: sizeBytes,
      bodyBytes,
    });
  }
  const upload = await openChunkedUpload(ports, {
    ...owner,
    kind: "ranges",
    sizeBytes: range.total,
    atLeastBytes: range.total,
    partCount: null,
    isCipher: false,
  });
  return receivePart(ports, upload, { index: range.start, sizeBytes }, isWholeObject ? sliceOf(body, range) : body);
}

/** A block of an object that is cut into `count` blocks, as the older DeOSS clients send them. */
export interface Block {
  readonly index: number;
  readonly count: number;
  readonly totalBytes: number;
}

export async function receiveBlock(
  ports: Ports,
  owner: ChunkOwner,
  block: Block,
  body: AsyncIterable<Uint8Array>,
): Promise<UploadModel> {
  const upload = await openChunkedUpload(ports, {
    ...owner,
    kind: "blocks",
    sizeBytes: block.totalBytes,
    atLeastBytes: block.totalBytes,
    partCount: block.count,
    isCipher: false,
  });
  return receivePart(ports, upload, { index: block.index, sizeBytes: null }, body);
}
