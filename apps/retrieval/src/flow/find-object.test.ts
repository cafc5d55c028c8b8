import { createHash } from "node:crypto";
import { fidOf } from "@granary/domain/object";
import {
  CodedError,
  EMPTY_FID,
  type Fid,
  type FragmentHash,
  type SegmentHash,
  type UploadId,
} from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import type { Directory, ReadableSegment } from "../ports.js";
import { findObject } from "./find-object.js";

const uploadId = "00000000-0000-4000-8000-000000000000" as UploadId;
const hashOf = (i: number) => i.toString(16).padStart(64, "0") as SegmentHash;
const segments = [1, 2, 3].map(
  (i): ReadableSegment => ({
    hash: hashOf(i),
    fragments: Array(12).fill({ hash: hashOf(9) as string as FragmentHash, miner: null, isAvailable: true }),
  }),
);
const sizeBytes = 70 * 1024 * 1024;
const fid = fidOf(segments.map(({ hash }) => hash));
const away = () => Promise.reject(new CodedError("SERVICE_UNREACHABLE", "unavailable", "away"));

const directoryOf = (known: Partial<Directory>): Directory => ({
  staged: async () => null,
  onChain: async () => null,
  manifest: async () => segments,
  endpoints: async () => new Map(),
  forget: () => {},
  ...known,
});
const onChain = async () => ({ sizeBytes, segments });
const staged = async () => ({ uploadId, sizeBytes });

describe("finding an object", () => {
  it("needs to ask nobody for the empty one", async () => {
    const object = await findObject(directoryOf({ staged: away, onChain: away }), EMPTY_FID as Fid);
    expect([object.sizeBytes, object.segments]).toEqual([0, []]);
  });

  it("takes it from the chain, from the gateway, or from both, and either may be away", async () => {
    const found = { fid, sizeBytes, segments };
    expect(await findObject(directoryOf({ onChain, staged }), fid)).toEqual({ ...found, staged: uploadId });
    expect(await findObject(directoryOf({ staged }), fid)).toEqual({ ...found, staged: uploadId });
    expect(await findObject(directoryOf({ onChain, staged: away }), fid)).toEqual({ ...found, staged: null });
    expect(await findObject(directoryOf({ onChain: away, staged }), fid)).toEqual({ ...found, staged: uploadId });
  });

  it("does not wait for a gateway that does not answer, where the chain knows the object", async () => {
    expect((await findObject(directoryOf({ onChain, staged: () => new Promise(() => {}) }), fid)).staged).toBeNull();
  });

  it("says unknown only when both have said so", async () => {
    await expect(findObject(directoryOf({}), fid)).rejects.toMatchObject({ code: "FID_UNKNOWN" });
    for (const known of [{ onChain: away }, { staged: away }]) {
      await expect(findObject(directoryOf(known), fid)).rejects.toMatchObject({ code: "SERVICE_UNREACHABLE" });
    }
  });

  it("serves nothing under a name that its segments do not have, but takes both ways of naming", async () => {
    const other = "1".repeat(64) as Fid;
    await expect(findObject(directoryOf({ onChain }), other)).rejects.toMatchObject({ code: "MANIFEST_INVALID" });
    const tooLarge = async () => ({ sizeBytes: 4 * sizeBytes, segments });
    await expect(findObject(directoryOf({ onChain: tooLarge }), fid)).rejects.toMatchObject({
      code: "MANIFEST_INVALID",
    });
    const concatenated = Buffer.from(segments.map(({ hash }) => hash).join(""), "hex");
    const name = createHash("sha256").update(concatenated).digest("hex") as Fid;
    expect((await findObject(directoryOf({ onChain }), name)).segments).toEqual(segments);
  });
});
