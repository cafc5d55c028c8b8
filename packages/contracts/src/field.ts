import type { AccountId, Fid, FragmentHash, SegmentHash, UploadId } from "@granary/primitives";
import { z } from "zod";

/** A schema that checks text at run time and brands it at compile time. */
const branded = <T extends string>(schema: z.ZodType<string>) => schema as unknown as z.ZodType<T, string>;

const digest = () => z.string().regex(/^[0-9a-f]{64}$/, "64 lowercase hexadecimal characters");

export const fid = branded<Fid>(digest());
export const segmentHash = branded<SegmentHash>(digest());
export const fragmentHash = branded<FragmentHash>(digest());
export const accountId = branded<AccountId>(z.string().min(46).max(52));
export const uploadId = branded<UploadId>(z.uuid());
/** Column 1..12 of a file. */
export const columnIndex = z.int().min(1).max(12);
export const byteCount = z.int().nonnegative();
export const blockNumber = z.int().nonnegative();
export const failure = z.object({ code: z.string(), reason: z.string() });

/** What the uploader wishes of the placement. Dispersion over twelve miners is not up for choice. */
export const placementWishes = z.object({
  prefer: z.array(accountId).optional(),
  /** Corners of a polygon, [longitude, latitude] in degrees; three or more. */
  area: z
    .array(z.tuple([z.number().min(-180).max(180), z.number().min(-90).max(90)]))
    .min(3)
    .optional(),
});
export type PlacementWishes = z.infer<typeof placementWishes>;
