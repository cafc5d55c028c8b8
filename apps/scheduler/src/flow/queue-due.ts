import type { JobQueue } from "@granary/jobs";
import type { UploadId } from "@granary/primitives";
import type { DealStore } from "../ports.js";

const BATCH = 200;
const UUID_LENGTH = 36;

/** Jobs are named by the row and the attempt: the job of a killed process lingers, and the next need not wait for it. */
export const uploadOfJob = (jobId: string): UploadId => jobId.slice(0, UUID_LENGTH) as UploadId;

/** Makes a job of everything that is due. A job that exists is left alone, so this may run at any time. */
export async function queueDue(ports: {
  readonly deals: Pick<DealStore, "dueDeclarations" | "dueRounds">;
  readonly declarations: Pick<JobQueue, "add">;
  readonly rounds: Pick<JobQueue, "add">;
  /** Whether an operator has paused placing: then no round begins, and columns that wait go on waiting. */
  readonly isPlacingPaused: () => Promise<boolean>;
}): Promise<"idle"> {
  const { deals, declarations, rounds } = ports;
  const [orders, columns] = await Promise.all([
    deals.dueDeclarations(BATCH),
    (await ports.isPlacingPaused()) ? [] : deals.dueRounds(BATCH),
  ]);
  await Promise.all([
    ...orders.map(({ name, trace }) => declarations.add(name, { trace })),
    ...columns.map(({ name, trace }) => rounds.add(name, { trace })),
  ]);
  return "idle";
}
