import type { InputOf } from "@granary/contracts";
import { CodedError } from "@granary/primitives";
import type { EncodingStore, ManifestPage } from "../ports.js";

/** A page of an encoded upload's manifest. @throws CodedError ENCODING_UNKNOWN (absent), ENCODING_UNFINISHED (conflict) */
export async function showManifest(
  ports: { readonly encodings: Pick<EncodingStore, "standing" | "segments"> },
  { uploadId, from, count }: InputOf<"manifestSegments">,
): Promise<ManifestPage> {
  const standing = await ports.encodings.standing(uploadId);
  if (standing === null) throw new CodedError("ENCODING_UNKNOWN", "absent", "this upload was never heard of here");
  if (!standing.isEncoded) throw new CodedError("ENCODING_UNFINISHED", "conflict", "this upload has no manifest yet");
  const segments = await ports.encodings.segments(uploadId, from, count);
  return {
    segments: segments.map(({ hash, fragments }, i) => ({ index: from + i, hash, fragments: [...fragments] })),
    segmentCount: standing.segmentCount,
  };
}
