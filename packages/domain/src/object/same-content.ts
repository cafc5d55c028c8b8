import type { ObjectManifest } from "./manifest.js";

/** What the chain says of a file or an open deal. Text as it came: nothing in it is taken for a digest. */
export interface ContentOnChain {
  readonly sizeBytes: number;
  readonly segments: readonly { readonly hash: string; readonly fragments: readonly string[] }[];
}

export type ContentDifference =
  | { readonly what: "size"; readonly ours: number; readonly theirs: number }
  | { readonly what: "segment-count"; readonly ours: number; readonly theirs: number }
  | { readonly what: "segment-hash"; readonly segment: number }
  | { readonly what: "fragment-count"; readonly segment: number; readonly theirs: number }
  | { readonly what: "fragment-hash"; readonly segment: number; readonly column: number };

export type Sameness = "same" | { readonly differs: ContentDifference };

/**
 * Whether the chain's file is, byte for byte, the object that we encoded. Equal FIDs do not say so: a FID covers
 * neither size nor padding, and the chain never checks that it belongs to the segments beneath it. So everything is
 * compared: the size, every segment hash, every fragment hash in its column.
 */
export function compareContent(ours: Pick<ObjectManifest, "sizeBytes" | "segments">, theirs: ContentOnChain): Sameness {
  if (ours.sizeBytes !== theirs.sizeBytes) {
    return { differs: { what: "size", ours: ours.sizeBytes, theirs: theirs.sizeBytes } };
  }
  if (ours.segments.length !== theirs.segments.length) {
    return { differs: { what: "segment-count", ours: ours.segments.length, theirs: theirs.segments.length } };
  }
  for (const [segment, our] of ours.segments.entries()) {
    const their = theirs.segments[segment] as ContentOnChain["segments"][number];
    if (our.hash !== their.hash) return { differs: { what: "segment-hash", segment } };
    if (our.fragments.length !== their.fragments.length) {
      return { differs: { what: "fragment-count", segment, theirs: their.fragments.length } };
    }
    const unequal = our.fragments.findIndex((hash, i) => hash !== their.fragments[i]);
    if (unequal >= 0) return { differs: { what: "fragment-hash", segment, column: unequal + 1 } };
  }
  return "same";
}
