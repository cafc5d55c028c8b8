import type { JobQueue } from "@granary/jobs";
import type { UploadId } from "@granary/primitives";
import type { DueEncoding, EncodingStore } from "../ports.js";

const BATCH = 200;
const UUID_LENGTH = 36;

/**
 * Every attempt is a job of its own: the job of a killed process lingers in Redis for a minute, and the next attempt
 * need not wait for that.
 */
const jobIdOf = ({ uploadId, attempts }: DueEncoding): string => `${uploadId}.${attempts}`;
export const uploadOfJob = (jobId: string): UploadId => jobId.slice(0, UUID_LENGTH) as UploadId;

/** Makes a job of every encoding that nobody works on. A job that exists is left alone, so this may run at any time. */
export async function queueDue(ports: {
  readonly encodings: Pick<EncodingStore, "due">;
  readonly queue: Pick<JobQueue, "add">;
}): Promise<"busy" | "idle"> {
  const due = await ports.encodings.due(BATCH);
  await Promise.all(due.map((encoding) => ports.queue.add(jobIdOf(encoding), { trace: encoding.trace })));
  return "idle";
}
