import type { UploadModel } from "@granary/database";
import type { Encryption } from "@granary/domain/object";
import { CodedError, FRAGMENTS_PER_SEGMENT, type UploadId } from "@granary/primitives";
import { type Stretch, stretchesOf } from "../body/content-range.js";
import type { Ports } from "../ports.js";
import { encryptionOf } from "./object-key.js";

/** States as clients see them: `placing` and `reported` come with how many of the twelve columns are there. */
export const publicStates = [
  "receiving",
  "received",
  "encoded",
  "declared",
  "placing",
  "reported",
  "active",
  "failed",
] as const;
export type PublicState = (typeof publicStates)[number];

export interface UploadStatus {
  readonly uploadId: UploadId;
  readonly account: string;
  readonly territory: string;
  readonly name: string;
  readonly contentType: string | null;
  readonly kind: string;
  readonly sizeBytes: number | null;
  readonly receivedBytes: number;
  readonly isCipher: boolean;
  readonly encryption: Encryption;
  readonly state: PublicState;
  /** The state for people, e.g. "placing 7/12". */
  readonly text: string;
  readonly fid: string | null;
  readonly segmentCount: number | null;
  readonly columns: number;
  readonly placedColumns: number;
  readonly reportedColumns: number;
  readonly failure: { readonly code: string; readonly reason: string } | null;
  readonly createdAt: string;
  readonly receivedAt: string | null;
  readonly encodedAt: string | null;
  readonly declaredAt: string | null;
  readonly activeAt: string | null;
  readonly updatedAt: string;
}

export function publicStateOf(upload: Pick<UploadModel, "state" | "placedColumns" | "reportedColumns">): PublicState {
  if (upload.state !== "placing") return upload.state;
  return Math.max(upload.placedColumns, upload.reportedColumns) >= FRAGMENTS_PER_SEGMENT ? "reported" : "placing";
}

export function statusOf(upload: UploadModel, receivedBytes: number): UploadStatus {
  const state = publicStateOf(upload);
  const columns = { placing: upload.placedColumns, reported: upload.reportedColumns }[state as "placing" | "reported"];
  const failed = upload.state === "failed";
  return {
    uploadId: upload.id as UploadId,
    account: upload.account,
    territory: upload.territory,
    name: upload.name,
    contentType: upload.contentType,
    kind: upload.kind,
    sizeBytes: upload.sizeBytes === null ? null : Number(upload.sizeBytes),
    receivedBytes,
    isCipher: upload.isCipher,
    encryption: encryptionOf(upload),
    state,
    text: columns === undefined ? state : `${state} ${columns}/${FRAGMENTS_PER_SEGMENT}`,
    fid: upload.fid,
    segmentCount: upload.segmentCount,
    columns: FRAGMENTS_PER_SEGMENT,
    placedColumns: upload.placedColumns,
    reportedColumns: upload.reportedColumns,
    failure: failed ? { code: upload.failureCode ?? "UNKNOWN", reason: upload.failureReason ?? "" } : null,
    createdAt: upload.createdAt.toISOString(),
    receivedAt: upload.receivedAt?.toISOString() ?? null,
    encodedAt: upload.encodedAt?.toISOString() ?? null,
    declaredAt: upload.declaredAt?.toISOString() ?? null,
    activeAt: upload.activeAt?.toISOString() ?? null,
    updatedAt: upload.updatedAt.toISOString(),
  };
}

/** @throws CodedError UPLOAD_UNKNOWN (absent) */
export async function loadUpload(ports: Pick<Ports, "database">, uploadId: UploadId): Promise<UploadModel> {
  const upload = await ports.database.upload.findUnique({ where: { id: uploadId } });
  if (upload === null) throw new CodedError("UPLOAD_UNKNOWN", "absent", "there is no such upload", { uploadId });
  return upload;
}

export async function reportStatus(ports: Pick<Ports, "database">, upload: UploadModel): Promise<UploadStatus> {
  if (upload.state !== "receiving") return statusOf(upload, Number(upload.sizeBytes ?? 0n));
  const { _sum } = await ports.database.uploadPart.aggregate({
    where: { uploadId: upload.id },
    _sum: { sizeBytes: true },
  });
  return statusOf(upload, Number(_sum.sizeBytes ?? 0n));
}

/** What has come of a chunked upload, and what has not: in bytes, and for blocks also by number. */
export interface MissingReport {
  readonly uploadId: UploadId;
  readonly kind: string;
  readonly state: PublicState;
  readonly total: number | null;
  readonly isComplete: boolean;
  readonly received: readonly Stretch[];
  readonly missing: readonly Stretch[];
  readonly receivedBlocks?: readonly number[];
  readonly missingBlocks?: readonly number[];
}

export async function reportMissing(ports: Pick<Ports, "database">, upload: UploadModel): Promise<MissingReport> {
  const total = upload.sizeBytes === null ? null : Number(upload.sizeBytes);
  const common = {
    uploadId: upload.id as UploadId,
    kind: upload.kind,
    state: publicStateOf(upload),
    total,
    isComplete: upload.state !== "receiving" && upload.state !== "failed",
  };
  const rows = await ports.database.uploadPart.findMany({
    where: { uploadId: upload.id },
    select: { index: true, sizeBytes: true },
    orderBy: { index: "asc" },
  });
  if (common.isComplete) {
    const all = total === null || total === 0 ? [] : [{ start: 0, last: total - 1 }];
    return { ...common, received: all, missing: [], ...(upload.kind === "blocks" ? { missingBlocks: [] } : {}) };
  }
  if (upload.kind === "blocks") {
    const receivedBlocks = rows.map((row) => Number(row.index));
    const has = new Set(receivedBlocks);
    const missingBlocks = Array.from({ length: upload.partCount ?? 0 }, (_, i) => i).filter((i) => !has.has(i));
    return { ...common, received: [], missing: [], receivedBlocks, missingBlocks };
  }
  const parts = rows.map((row) => ({ start: Number(row.index), end: Number(row.index + row.sizeBytes) }));
  return { ...common, ...stretchesOf(parts, total ?? 0) };
}
