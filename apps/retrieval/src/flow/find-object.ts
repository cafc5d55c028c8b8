import { createHash } from "node:crypto";
import { manifestFault } from "@granary/domain/object";
import { CodedError, EMPTY_FID, type Fid } from "@granary/primitives";
import type { Directory, ReadableObject, ReadableSegment, StagedUpload } from "../ports.js";

/** A gateway that is away must not hold up what the chain already answers. */
const STAGED_WAIT_MS = 500;

/**
 * Where an object's bytes are. The chain's word on size and segments counts before ours; staged bytes serve as a
 * source even then, as each of their segments is checked against its hash.
 * @throws CodedError FID_UNKNOWN (absent); whatever kept us from knowing, where the other side does not know it
 */
export async function findObject(directory: Directory, fid: Fid): Promise<ReadableObject> {
  if (fid === EMPTY_FID) return { fid, sizeBytes: 0, segments: [], staged: null };
  const asked = directory.staged(fid);
  asked.catch(() => undefined);
  const [chain] = await Promise.allSettled([directory.onChain(fid)]);
  if (chain.status === "fulfilled" && chain.value !== null) {
    const staged = await within(STAGED_WAIT_MS, asked).catch(() => null);
    const object = { fid, ...chain.value, staged: staged?.uploadId ?? null };
    checkManifest(object);
    return object;
  }
  const staged = await asked;
  if (staged !== null) return stagedObject(directory, fid, staged);
  if (chain.status === "rejected") throw chain.reason;
  throw new CodedError("FID_UNKNOWN", "absent", "there is no such object on chain, nor on its way there", { fid });
}

async function stagedObject(directory: Directory, fid: Fid, staged: StagedUpload): Promise<ReadableObject> {
  const segments = await directory.manifest(staged.uploadId);
  return { fid, sizeBytes: staged.sizeBytes, segments, staged: staged.uploadId };
}

/**
 * The chain takes any hash for a FID, so the tree is computed here: bytes that do not belong to the name are not
 * served under it. Gateways of the CDN layer name objects by the hash of the concatenation instead.
 * @throws CodedError MANIFEST_INVALID (corrupt)
 */
function checkManifest(object: ReadableObject): void {
  const segments = object.segments.map(({ hash, fragments }) => ({
    hash,
    fragments: fragments.map((one) => one.hash),
  }));
  const fault = manifestFault({ ...object, segments });
  if (fault === null || (fault.rule === "fid-is-tree-root" && concatenationHash(object.segments) === object.fid))
    return;
  throw new CodedError("MANIFEST_INVALID", "corrupt", "what the chain says of this object contradicts itself", {
    fid: object.fid,
    ...fault,
  });
}

function concatenationHash(segments: readonly ReadableSegment[]): string {
  const hash = createHash("sha256");
  for (const segment of segments) hash.update(Buffer.from(segment.hash, "hex"));
  return hash.digest("hex");
}

async function within<T>(ms: number, answer: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
