import type { SegmentManifest } from "@granary/domain/object";
import type { Requester } from "@granary/messaging";
import { CodedError } from "@granary/primitives";
import type { ManifestPort } from "../ports.js";

const PAGE = 256;

/** Manifests, asked of the preprocessor page by page. */
export function createRequestedManifests(request: Requester): ManifestPort {
  return {
    async segments(uploadId, segmentCount) {
      const segments: SegmentManifest[] = [];
      while (segments.length < segmentCount) {
        const page = await request("manifestSegments", { uploadId, from: segments.length, count: PAGE });
        for (const { hash, fragments } of page.segments) segments.push({ hash, fragments });
        if (page.segments.length === 0) break;
      }
      if (segments.length !== segmentCount) {
        throw new CodedError("MANIFEST_INCOMPLETE", "unavailable", "the manifest has fewer segments than the deal", {
          uploadId,
        });
      }
      return segments;
    },
  };
}
