import { dealColumn, operatorAction, requests, territory } from "@granary/contracts";
import { categories } from "@granary/primitives";
import { z } from "zod";
import { publicStates } from "../flow/report-status.js";

/** Shapes of what the routes answer. A test holds every one against real answers. */
const text = z.string();
const bytes = z.int().nonnegative();
const fid = z.string().regex(/^[0-9a-f]{64}$/);
const instant = z.iso.datetime();
const stretch = z.object({ start: bytes, last: bytes });
const column = z.object({
  index: z.int().min(1).max(12),
  miner: text.nullable(),
  endpoint: text.nullable(),
  state: dealColumn.shape.state,
});

export const uploadStatus = z.object({
  uploadId: z.uuid(),
  account: text,
  territory: text,
  name: text,
  contentType: text.nullable(),
  kind: text,
  sizeBytes: bytes.nullable(),
  receivedBytes: bytes,
  isCipher: z.boolean(),
  encryption: z.enum(["none", "cess-cipher", "aes-gcm"]),
  state: z.enum(publicStates),
  text: text.describe("the state for people, e.g. placing 7/12"),
  fid: fid.nullable(),
  segmentCount: bytes.nullable(),
  columns: z.int(),
  placedColumns: z.int(),
  reportedColumns: z.int(),
  failure: z.object({ code: text, reason: text }).nullable(),
  createdAt: instant,
  receivedAt: instant.nullable(),
  encodedAt: instant.nullable(),
  declaredAt: instant.nullable(),
  activeAt: instant.nullable(),
  updatedAt: instant,
});

export const missing = z.object({
  uploadId: z.uuid(),
  kind: text,
  state: z.enum(publicStates),
  total: bytes.nullable(),
  isComplete: z.boolean(),
  received: z.array(stretch),
  missing: z.array(stretch),
  receivedBlocks: z.array(bytes).optional(),
  missingBlocks: z.array(bytes).optional(),
});

/** With `?wait=` the whole status, without it the FID alone. */
export const stored = z.union([z.object({ fid }), uploadStatus]);
export const accepted = z.object({
  uploadId: z.uuid(),
  statusUrl: text,
  state: z.string(),
  fid: fid.nullable(),
});
export const batch = z.array(
  z.object({
    name: text,
    fid: text,
    result: z.enum(["success", "accepted", "failed"]),
    reason: text,
    size: bytes,
    code: text.optional(),
    uploadId: z.uuid().optional(),
    statusUrl: text.optional(),
  }),
);

export const fileMetadata = z.object({
  fid,
  size: bytes,
  owner: z.array(z.object({ user: text, file_name: text, territory: text })),
  state: text.describe("active, calculate, missing, recovery as the chain says; pending before the chain has the file"),
  segmentCount: bytes,
});
export const fileLocation = z.record(
  z.string(),
  z.object({ account: text, endpoint: text.nullable(), location: z.null() }),
);
export const fileMap = z.object({
  fid,
  state: text,
  size: bytes,
  segmentCount: bytes,
  columns: z.array(column),
  segments: z.array(
    z.object({
      index: bytes,
      hash: text,
      fragments: z.array(z.object({ index: z.int(), hash: text, miner: text.nullable() })),
    }),
  ),
});
const listedFile = z.object({
  territory: text,
  fid,
  size: bytes,
  name: text,
  state: z.enum(["active", "pending"]),
});
export const fileList = z.union([z.array(listedFile), z.object({ files: z.array(listedFile), next: text.nullable() })]);
export const deleted = z.object({ "block hash": text, "block number": z.int().nullable() });

export const gateway = requests.gatewayShow.output;
export const miners = requests.minersList.output.shape.miners;
export const miner = requests.minerExplain.output.shape.miner.unwrap();
export const standing = requests.minerRelease.output;
export const resumed = requests.dealResume.output;
export const actions = z.array(operatorAction);
export const territories = z.array(territory);

export const error = z.object({
  code: z.int().describe("the status again, as DeOSS clients read it"),
  msg: text,
  data: z.null(),
  error: z.object({
    code: text.describe("decide by this"),
    category: z.enum(categories),
    details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  }),
});
