import type { InputOf, OutputOf } from "@granary/contracts";
import type { UploadId } from "@granary/primitives";
import type { Ports } from "../ports.js";

/** The newest upload of a FID whose bytes are still staged. */
export async function findStaged(
  ports: Pick<Ports, "database">,
  { fid }: InputOf<"stagedObjectFind">,
): Promise<OutputOf<"stagedObjectFind">> {
  const upload = await ports.database.upload.findFirst({
    where: { fid, releasedAt: null, state: { in: ["encoded", "declared", "placing", "active"] } },
    orderBy: { createdAt: "desc" },
  });
  if (upload === null) return { staged: null };
  const { id, sizeBytes, stagedBytes, isCipher } = upload;
  return {
    staged: {
      uploadId: id as UploadId,
      sizeBytes: Number(sizeBytes ?? 0n),
      stagedBytes: Number(stagedBytes ?? 0n),
      isCipher,
    },
  };
}
