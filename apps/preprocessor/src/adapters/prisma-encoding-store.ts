import { events, type PlacementWishes } from "@granary/contracts";
import type { Database, EncodingModel, Outbox, Transaction } from "@granary/database";
import type { SegmentManifest } from "@granary/domain/object";
import {
  type AccountId,
  type Fid,
  type FragmentHash,
  SEGMENT_BYTES,
  type SegmentHash,
  type UploadId,
} from "@granary/primitives";
import { currentTrace } from "@granary/telemetry";
import type { Claim, DueEncoding, EncodingStore } from "../ports.js";

/** Prisma keeps instants in UTC without a zone, and leases go by the clock of Postgres. */
const NOW = "timezone('UTC', now())";
const IS_DUE = `state IN ('queued', 'encoding') AND (lease_until IS NULL OR lease_until < ${NOW})`;

interface ClaimRow {
  readonly size_bytes: bigint;
  readonly staged_bytes: bigint;
  readonly segment_count: number;
  readonly attempts: number;
}

export function createPrismaEncodingStore(options: {
  readonly database: Database;
  readonly outbox: Outbox;
  readonly leaseMs: number;
}): EncodingStore {
  const { database, outbox, leaseMs } = options;

  /** Ends a claim with what the update says, and tells the others, in one transaction. */
  const end = (claim: Claim, data: Parameters<Transaction["encoding"]["updateMany"]>[0]["data"]): Promise<boolean> =>
    database.$transaction(async (tx) => {
      const { count } = await tx.encoding.updateMany({ where: heldBy(claim), data: { ...data, leaseUntil: null } });
      if (count === 0) return false;
      const row = await tx.encoding.findUniqueOrThrow({ where: { uploadId: claim.uploadId } });
      await announceEnd(outbox, tx, row);
      return true;
    });

  return {
    async accept(tx, message) {
      const { sizeBytes, stagedBytes, placement, ...rest } = message;
      const { count } = await tx.encoding.createMany({
        data: {
          ...rest,
          sizeBytes,
          stagedBytes,
          segmentCount: Math.ceil(stagedBytes / SEGMENT_BYTES),
          trace: currentTrace() ?? null,
          ...(placement === null ? {} : { placement }),
        },
        skipDuplicates: true,
      });
      if (count > 0) return;
      await announceEnd(outbox, tx, await tx.encoding.findUniqueOrThrow({ where: { uploadId: message.uploadId } }));
    },

    due: (limit) =>
      database.$queryRawUnsafe<DueEncoding[]>(
        `SELECT upload_id::text AS "uploadId", attempts, trace FROM manifest.encoding WHERE ${IS_DUE} ORDER BY created_at LIMIT $1`,
        limit,
      ),

    async claim(uploadId) {
      const [row] = await database.$queryRawUnsafe<ClaimRow[]>(
        `UPDATE manifest.encoding SET state = 'encoding', attempts = attempts + 1, updated_at = ${NOW},
           lease_until = ${NOW} + $2 * interval '1 millisecond'
         WHERE upload_id = $1::uuid AND ${IS_DUE} RETURNING size_bytes, staged_bytes, segment_count, attempts`,
        uploadId,
        leaseMs,
      );
      if (row === undefined) return null;
      return {
        uploadId,
        sizeBytes: Number(row.size_bytes),
        stagedBytes: Number(row.staged_bytes),
        segmentCount: row.segment_count,
        attempt: row.attempts,
      };
    },

    renew: async ({ uploadId, attempt }) =>
      (await database.$executeRawUnsafe(
        `UPDATE manifest.encoding SET lease_until = ${NOW} + $3 * interval '1 millisecond'
         WHERE upload_id = $1::uuid AND state = 'encoding' AND attempts = $2`,
        uploadId,
        attempt,
        leaseMs,
      )) > 0,

    async encodedIndices(uploadId) {
      const rows = await database.manifestSegment.findMany({ where: { uploadId }, select: { index: true } });
      return new Set(rows.map(({ index }) => index));
    },

    async saveSegment(uploadId, index, digests) {
      const { segmentHash: hash, fragmentHashes } = digests;
      const data = { uploadId, index, hash, fragmentHashes: [...fragmentHashes] };
      await database.manifestSegment.createMany({ data, skipDuplicates: true });
    },

    async segments(uploadId, from, count) {
      const rows = await database.manifestSegment.findMany({
        where: { uploadId, index: { gte: from, lt: from + count } },
        orderBy: { index: "asc" },
      });
      return rows.map(
        (row): SegmentManifest => ({ hash: row.hash as SegmentHash, fragments: row.fragmentHashes as FragmentHash[] }),
      );
    },

    seal: (claim, fid) => end(claim, { state: "encoded", fid }),

    fail: (claim, { code, reason }) => end(claim, { state: "failed", failureCode: code, failureReason: reason }),

    retryAfter: async ({ uploadId, attempt }, delayMs) => {
      await database.$executeRawUnsafe(
        `UPDATE manifest.encoding SET state = 'queued', lease_until = ${NOW} + $3 * interval '1 millisecond', updated_at = ${NOW}
         WHERE upload_id = $1::uuid AND state = 'encoding' AND attempts = $2`,
        uploadId,
        attempt,
        delayMs,
      );
    },

    async giveBack(claim) {
      const data = { state: "queued", leaseUntil: null, attempts: { decrement: 1 } } as const;
      await database.encoding.updateMany({ where: heldBy(claim), data });
    },

    async show(uploadId) {
      const row = await database.encoding.findUnique({
        where: { uploadId },
        include: { _count: { select: { segments: true } } },
      });
      if (row === null) return null;
      const { state, attempts, segmentCount, leaseUntil, failureCode, failureReason } = row;
      return {
        state,
        attempts,
        segmentCount,
        encodedSegments: row._count.segments,
        leaseUntil: leaseUntil?.toISOString() ?? null,
        failure: failureCode === null ? null : { code: failureCode, reason: failureReason ?? "" },
      };
    },

    async standing(uploadId) {
      const row = await database.encoding.findUnique({
        where: { uploadId },
        select: { state: true, segmentCount: true },
      });
      return row && { isEncoded: row.state === "encoded", segmentCount: row.segmentCount };
    },
  };
}

const heldBy = ({ uploadId, attempt }: Claim) => ({ uploadId, state: "encoding", attempts: attempt }) as const;

/** Nothing for an encoding that has not ended. */
async function announceEnd(outbox: Outbox, tx: Transaction, row: EncodingModel): Promise<void> {
  const uploadId = row.uploadId as UploadId;
  if (row.state === "failed") {
    const failure = { code: row.failureCode ?? "UNEXPECTED", reason: row.failureReason ?? "" };
    await outbox.add(
      tx,
      events.encodingFailed.subject,
      events.encodingFailed.schema.parse({ uploadId, failure }),
      row.trace,
    );
  }
  if (row.state === "encoded") {
    const message = {
      uploadId,
      fid: row.fid as Fid,
      account: row.account as AccountId,
      territory: row.territory,
      name: row.name,
      sizeBytes: Number(row.sizeBytes),
      stagedBytes: Number(row.stagedBytes),
      segmentCount: row.segmentCount,
      placement: row.placement as PlacementWishes | null,
    };
    await outbox.add(tx, events.objectEncoded.subject, events.objectEncoded.schema.parse(message), row.trace);
  }
}
