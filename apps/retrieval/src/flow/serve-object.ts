import { type CipherKey, cipherKeyOf, opensWith, segmentCountOf } from "@granary/domain/object";
import { contentRange, parseRange, spansOf } from "@granary/domain/read";
import { CodedError, parseFid, SEGMENT_BYTES } from "@granary/primitives";
import type { Directory, ReadableObject, SegmentHandle, Segments, Source } from "../ports.js";
import { findObject } from "./find-object.js";
import { encryptionOf, streamRange } from "./stream-range.js";

export interface ObjectRequest {
  readonly fid: string;
  /** Header values as they came. */
  readonly range?: string | undefined;
  readonly ifRange?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly cipher?: string | undefined;
  /** HEAD: everything but the bytes, and none are fetched. */
  readonly isHead: boolean;
  /** The segments as they are stored, one behind the other: the ciphertext, for who decrypts it elsewhere. */
  readonly isStored?: boolean;
}

export interface ObjectAnswer {
  readonly status: 200 | 206 | 304;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array> | null;
  /** Where the first segment came from; null when none was needed. */
  readonly source: Source | null;
}

const TAIL_BYTES = 32;

/**
 * An object, or a range of it. The first segment is there, verified, and opened by the key before this returns: all
 * that can be known to fail fails with a status. After, a failure can only break the connection.
 * @throws CodedError FID_UNKNOWN (absent), RANGE_NOT_SATISFIABLE (invalid), CIPHER_KEY_WRONG (denied),
 *   FRAGMENTS_NOT_ENOUGH (unavailable), SEGMENT_CORRUPT, MANIFEST_INVALID (corrupt)
 */
export async function serveObject(
  ports: { readonly directory: Directory; readonly segments: Segments },
  request: ObjectRequest,
  signal: AbortSignal,
): Promise<ObjectAnswer> {
  const fid = parseFid(request.fid);
  const key = keyOf(request.cipher);
  const found = await findObject(ports.directory, fid);
  const object = request.isStored ? { ...found, sizeBytes: found.segments.length * SEGMENT_BYTES } : found;
  const etag = `"${fid}"`;
  const common = { etag, "accept-ranges": "bytes", vary: "Cipher", "cache-control": "no-transform" };
  if (matches(request.ifNoneMatch, etag)) return { status: 304, headers: common, body: null, source: null };
  checkKeyFits(object, key);
  const { sizeBytes } = object;
  const isRangeValid = request.ifRange === undefined || request.ifRange.trim() === etag;
  const asked = parseRange(isRangeValid ? request.range : undefined, sizeBytes);
  if (asked.kind === "unsatisfiable") {
    throw new CodedError("RANGE_NOT_SATISFIABLE", "invalid", "the range lies outside the object", { sizeBytes });
  }
  const range = asked.kind === "partial" ? asked.range : { start: 0, end: sizeBytes };
  const headers = {
    ...common,
    "content-type": "application/octet-stream",
    "content-length": String(range.end - range.start),
    ...(asked.kind === "partial" ? { "content-range": contentRange(range, sizeBytes) } : {}),
  };
  const status = asked.kind === "partial" ? 206 : 200;
  const spans = spansOf(range, encryptionOf(key));
  if (request.isHead || spans[0] === undefined) return { status, headers, body: null, source: null };
  const first = await ports.segments.open(object, spans[0].segment, signal);
  await checkKeyOpens(first, key);
  return {
    status,
    headers,
    body: streamRange(ports.segments, { object, spans, key }, first, signal),
    source: first.source,
  };
}

/** Header values come as Latin-1; the cipher is UTF-8 text. */
function keyOf(cipher: string | undefined): CipherKey | null {
  return cipher === undefined || cipher === "" ? null : cipherKeyOf(Buffer.from(cipher, "latin1").toString("utf8"));
}

const keyWrong = () => new CodedError("CIPHER_KEY_WRONG", "denied", "the cipher does not open this object");

/** An encrypted object has as many segments as its ciphertext needs. */
function checkKeyFits(object: ReadableObject, key: CipherKey | null): void {
  if (key !== null && segmentCountOf(object.sizeBytes, "cess-cipher") !== object.segments.length) throw keyWrong();
}

async function checkKeyOpens(first: SegmentHandle, key: CipherKey | null): Promise<void> {
  if (key === null) return;
  try {
    if (!opensWith(await first.read(SEGMENT_BYTES - TAIL_BYTES, SEGMENT_BYTES), key)) throw keyWrong();
  } catch (error) {
    first.close();
    throw error;
  }
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === etag);
}
