import type { Fid, FragmentHash } from "@granary/primitives";
import type { FragmentStore, OpenFragment } from "../ports.js";
import { type Reply, replies } from "../reply.js";

export interface Served {
  readonly fragment: OpenFragment;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly isPartial: boolean;
}

/** Also before the report: the protocol lets a sender read back what it has just sent. */
export async function serveFragment(
  store: Pick<FragmentStore, "open">,
  fid: Fid,
  fragment: FragmentHash,
  range: string | undefined,
): Promise<Served | Reply> {
  const opened = await store.open(fid, fragment);
  if (opened === null) return replies.notFound;
  if (range === undefined) return { fragment: opened, start: 0, end: opened.sizeBytes, isPartial: false };
  const span = parseRange(range, opened.sizeBytes);
  if (span === null) {
    await opened.close();
    return replies.rangeInvalid;
  }
  return { fragment: opened, ...span, isPartial: true };
}

/**
 * The protocol's own form, which is not that of HTTP: a slash with anything behind it is required, and the end is
 * exclusive.
 */
export function parseRange(range: string, sizeBytes: number): { start: number; end: number } | null {
  const match = /^bytes[= ](\d+)-(\d+)\/.*$/.exec(range);
  if (match === null) return null;
  const start = Number(match[1]);
  const end = Number(match[2]);
  return start < end && end <= sizeBytes ? { start, end } : null;
}
