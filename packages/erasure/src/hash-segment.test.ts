import { createHash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { createCodec } from "./choose-codec.js";
import { hashSegment } from "./hash-segment.js";
import { createTableCodec } from "./table-codec.js";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("the hashes of a segment", () => {
  it.each([1, 63, 64, 65_535, 65_536, 65_537, 200_001])(
    "are those of its fragments at %d bytes each",
    async (length) => {
      const segment = Uint8Array.from({ length: 4 * length }, (_, i) => (i * i) >>> 5);
      const { segmentHash, fragmentHashes } = hashSegment(segment, await createCodec());
      expect(segmentHash).toBe(sha256(segment));
      expect(fragmentHashes).toEqual(createTableCodec().encode(segment).map(sha256));
    },
  );

  it("are refused for what is no segment", async () => {
    const codec = await createCodec();
    expect(() => hashSegment(new Uint8Array(7), codec)).toThrow(
      expect.objectContaining({ code: "SEGMENT_LENGTH_INVALID" }),
    );
  });
});
