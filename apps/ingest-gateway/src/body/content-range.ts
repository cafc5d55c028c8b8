import { CodedError } from "@granary/primitives";

/** The place of a chunk in its object: `start` ≤ offset < `end`. */
export interface ChunkRange {
  readonly start: number;
  readonly end: number;
  readonly total: number;
}

/**
 * `bytes 0-52428799/104857600` of a request; the last byte is named inclusively.
 * @throws CodedError CONTENT_RANGE_MISSING, CONTENT_RANGE_INVALID (invalid)
 */
export function parseContentRange(header: string | undefined): ChunkRange {
  if (header === undefined || header.trim() === "") {
    throw new CodedError("CONTENT_RANGE_MISSING", "invalid", "a chunk names its place in Content-Range");
  }
  const match = /^\s*bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15})\s*$/i.exec(header);
  const [start, last, total] = (match?.slice(1) ?? []).map(Number);
  if (start === undefined || last === undefined || total === undefined || last < start || last >= total) {
    throw new CodedError("CONTENT_RANGE_INVALID", "invalid", "Content-Range has the form bytes START-LAST/TOTAL");
  }
  return { start, end: last + 1, total };
}

/** A stretch of an object, with the last byte named inclusively, as in headers. */
export interface Stretch {
  readonly start: number;
  readonly last: number;
}

/** Received ranges joined where they touch, and what lies between them. */
export function stretchesOf(
  parts: readonly { readonly start: number; readonly end: number }[],
  total: number,
): { received: Stretch[]; missing: Stretch[] } {
  const received: { start: number; last: number }[] = [];
  const missing: Stretch[] = [];
  let at = 0;
  for (const part of [...parts].sort((a, b) => a.start - b.start)) {
    const previous = received.at(-1);
    if (previous !== undefined && previous.last + 1 === part.start) previous.last = part.end - 1;
    else received.push({ start: part.start, last: part.end - 1 });
    if (part.start > at) missing.push({ start: at, last: part.start - 1 });
    at = Math.max(at, part.end);
  }
  if (at < total) missing.push({ start: at, last: total - 1 });
  return { received, missing };
}
