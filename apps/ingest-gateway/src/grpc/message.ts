import type { DeadLetterView, OutputOf } from "@granary/contracts";
import type { AuditRow } from "@granary/database";
import { CodedError } from "@granary/primitives";
import { type Stage, stages } from "../flow/await-stage.js";
import type { ExplainedMiner } from "../flow/explain-miner.js";
import type { UploadStatus } from "../flow/report-status.js";
import type { Queues } from "../flow/show-queues.js";

/** What is optional in a message is left out of it, never null. */
type Sparse<T> = { readonly [K in keyof T]: Exclude<T[K], null> };
export const sparse = <T extends object>(message: T): Partial<Sparse<T>> =>
  Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null)) as Partial<Sparse<T>>;

export const uploadMessage = (status: UploadStatus) =>
  sparse({
    uploadId: status.uploadId,
    account: status.account,
    territory: status.territory,
    name: status.name,
    state: `UPLOAD_STATE_${status.state.toUpperCase()}`,
    fid: status.fid,
    sizeBytes: status.sizeBytes,
    receivedBytes: status.receivedBytes,
    columns: status.columns,
    placedColumns: status.placedColumns,
    reportedColumns: status.reportedColumns,
    failure: status.failure,
    createdAt: status.createdAt,
    updatedAt: status.updatedAt,
  });

export const dealMessage = (deal: NonNullable<OutputOf<"dealShow">["deal"]>) =>
  sparse({ ...deal, columns: deal.columns.map(sparse), attempts: deal.attempts.map(sparse) });

export const minerMessage = (miner: OutputOf<"minersList">["miners"][number]) => sparse(miner);

export const explainedMinerMessage = ({ attempts, actions, ...explained }: ExplainedMiner) =>
  sparse({
    ...explained,
    miner: minerMessage(explained),
    attempts: attempts.map(sparse),
    actions: actions.map(sparse),
  });

export const queuesMessage = ({ queues, placementPause, uploads }: Queues) =>
  sparse({
    queues,
    placementPause,
    uploads: uploads.map(({ oldestStep, ...one }) => sparse({ ...one, oldestStep: oldestStep?.toISOString() ?? null })),
  });

export const letterMessage = (letter: DeadLetterView) => sparse({ ...letter, payload: JSON.stringify(letter.payload) });

export const auditMessage = ({ at, details, ...record }: AuditRow) =>
  sparse({ ...record, at: at.toISOString(), details: JSON.stringify(details) });

/** WAIT_FOR_ENCODED → encoded. @throws CodedError WAIT_INVALID (invalid) */
export function stageOf(waitFor: string | number): Stage {
  if (waitFor === "WAIT_FOR_UNSPECIFIED") return "encoded";
  const stage = stages.find((one) => `WAIT_FOR_${one.toUpperCase()}` === waitFor);
  if (stage !== undefined) return stage;
  // A number: a value that a newer client knows and this gateway does not.
  throw new CodedError("WAIT_INVALID", "invalid", `wait_for is one of ${stages.join(", ")}`);
}

const PAGE_MAX = 1000;
const anyPage = { standard: PAGE_MAX, most: PAGE_MAX };

/** 0 stands for the standard. @throws CodedError LIMIT_INVALID (invalid) */
export function pageSizeOf(pageSize: number, { standard, most } = anyPage): number {
  if (pageSize > most) throw new CodedError("LIMIT_INVALID", "invalid", `a page has 1 to ${most} entries`);
  return pageSize === 0 ? standard : pageSize;
}
