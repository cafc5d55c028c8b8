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

const WISHED_MINERS_MAX = 1_000;
const wishedMiners = z.array(accountId).max(WISHED_MINERS_MAX);

/** Corners of a polygon, [longitude, latitude] in degrees. */
export const area = z
  .array(z.tuple([z.number().min(-180).max(180), z.number().min(-90).max(90)]))
  .min(3)
  .max(1_000);

/** What the uploader wishes of the placement. Dispersion over twelve miners is not up for choice. */
export const placementWishes = z.object({
  /** These come first, whoever of them promises most. */
  prefer: wishedMiners.optional(),
  /** So many columns go by `prefer`, the others as if nobody were preferred; without it all go by `prefer`. */
  first: z.int().min(1).max(12).optional(),
  /** Nobody else. Twelve columns need twelve miners. */
  only: wishedMiners.min(12).optional(),
  /** Nobody of these. */
  avoid: wishedMiners.optional(),
  area: area.optional(),
  /** Rather wait, and in the end fail, than leave the area; otherwise leaving it is a recorded relaxation. */
  isAreaStrict: z.boolean().optional(),
});
export type PlacementWishes = z.infer<typeof placementWishes>;

/** Who of the operators: the name that belongs to the token. */
export const actor = z.string().min(1).max(100);
export const operatorReason = z.string().min(1).max(500);

/** What an operator did by hand, as the audit record has it. */
export const operatorAction = z.object({
  /** Grows. */
  id: z.string(),
  at: z.iso.datetime(),
  actor,
  action: z.string(),
  /** The account of a miner, the upload id of a deal. */
  subject: z.string(),
  reason: z.string().nullable(),
});
export type OperatorAction = z.infer<typeof operatorAction>;
