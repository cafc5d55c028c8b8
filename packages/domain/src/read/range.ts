import { DATA_FRAGMENTS, FRAGMENT_BYTES } from "@granary/primitives";
import { type ByteRange, type Encryption, plainBytesPerSegment } from "../object/index.js";

/** What a `Range` header asks of an object. `full`: answer 200 with everything; `unsatisfiable`: answer 416. */
export type RangeAnswer =
  | { readonly kind: "full" }
  | { readonly kind: "partial"; readonly range: ByteRange }
  | { readonly kind: "unsatisfiable" };

const FULL: RangeAnswer = { kind: "full" };
const specifierForm = /^(?:(\d+)-(\d*)|-(\d+))$/;

/**
 * RFC 9110 §14. A header that is malformed or in another unit is ignored, as is one with several ranges that do not
 * join to a single one: a server may always send the whole object, and this one speaks no multipart. Several ranges
 * that touch or overlap are answered as the one range they are.
 */
export function parseRange(header: string | undefined, sizeBytes: number): RangeAnswer {
  const list = /^\s*bytes\s*=(.*)$/i.exec(header ?? "")?.[1];
  if (list === undefined) return FULL;
  const specifiers = list.split(",").map((text) => text.trim());
  const asked = specifiers.filter((text) => text !== "").map((text) => parseSpecifier(text, sizeBytes));
  if (asked.length === 0 || asked.includes("malformed")) return FULL;
  const ranges = asked.filter((one): one is ByteRange => typeof one === "object");
  if (ranges.length === 0) return { kind: "unsatisfiable" };
  // A suffix of the empty object is satisfiable, but no Content-Range can say so.
  if (sizeBytes === 0) return FULL;
  const joined = join(ranges);
  return joined === null ? FULL : { kind: "partial", range: joined };
}

/** The value of `Content-Range` for an answer: of a 206, or of a 416 where there is no range. */
export function contentRange(range: ByteRange | null, sizeBytes: number): string {
  return range === null ? `bytes */${sizeBytes}` : `bytes ${range.start}-${range.end - 1}/${sizeBytes}`;
}

function parseSpecifier(text: string, sizeBytes: number): ByteRange | "malformed" | "outside" {
  const match = specifierForm.exec(text);
  if (match === null) return "malformed";
  const [, first, last, suffix] = match;
  if (suffix !== undefined) {
    const length = Number(suffix);
    return length === 0 ? "outside" : { start: Math.max(0, sizeBytes - length), end: sizeBytes };
  }
  const start = Number(first);
  const lastByte = last === undefined || last === "" ? Number.POSITIVE_INFINITY : Number(last);
  if (lastByte < start) return "malformed";
  if (start >= sizeBytes) return "outside";
  return { start, end: Math.min(lastByte + 1, sizeBytes) };
}

/** One range that is exactly the union, or null where the union has a gap. */
function join(ranges: readonly ByteRange[]): ByteRange | null {
  const sorted = [...ranges].sort((a, b) => a.start - b.start);
  let { start, end } = sorted[0] as ByteRange;
  for (const range of sorted) {
    if (range.start > end) return null;
    start = Math.min(start, range.start);
    end = Math.max(end, range.end);
  }
  return { start, end };
}

/** A stretch of one segment. */
export interface SegmentSpan {
  readonly segment: number;
  /** Offsets in the segment's plain bytes. */
  readonly within: ByteRange;
}

/** The stretches that make up a range, in order; each lies in another segment. */
export function spansOf(range: ByteRange, encryption: Encryption = "none"): SegmentSpan[] {
  const plainBytes = plainBytesPerSegment[encryption];
  const spans: SegmentSpan[] = [];
  for (let at = range.start; at < range.end; ) {
    const segment = Math.floor(at / plainBytes);
    const base = segment * plainBytes;
    const until = Math.min(range.end, base + plainBytes);
    spans.push({ segment, within: { start: at - base, end: until - base } });
    at = until;
  }
  return spans;
}

/**
 * The data fragments (0..3) whose bytes a stretch touches. Ciphertext is needed whole: its end is what shows that the
 * key is right.
 */
export function dataRowsOf(within: ByteRange, encryption: Encryption = "none"): number[] {
  const all = Array.from({ length: DATA_FRAGMENTS }, (_, row) => row);
  if (encryption !== "none") return all;
  return all.filter((row) => row * FRAGMENT_BYTES < within.end && (row + 1) * FRAGMENT_BYTES > within.start);
}
