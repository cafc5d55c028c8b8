import { CodedError, isRetryable } from "@granary/primitives";
import type { Gateway } from "./gateway.js";

/** What the gateway says of an upload: `GET /uploads/:id`. */
export interface UploadStatus {
  readonly uploadId: string;
  readonly fid: string | null;
  readonly name: string;
  readonly state: "receiving" | "received" | "encoded" | "declared" | "placing" | "reported" | "active" | "failed";
  readonly sizeBytes: number | null;
  readonly segmentCount: number | null;
  readonly placedColumns: number;
  readonly reportedColumns: number;
  readonly failure: { readonly code: string; readonly reason: string } | null;
}

/** How far an upload is, as a number that only grows: the states before placing, then its columns, then active. */
export function stageOf(status: UploadStatus): number {
  switch (status.state) {
    case "receiving":
    case "failed":
      return 0;
    case "received":
      return 1;
    case "encoded":
      return 2;
    case "active":
      return STAGES;
    default:
      return 3 + status.placedColumns + status.reportedColumns;
  }
}
export const STAGES = 3 + 2 * 12 + 1;

const isPlacing = (status: UploadStatus): boolean => status.state === "placing" || status.state === "reported";

export const describeStatus = (status: UploadStatus): string =>
  isPlacing(status) ? `placed ${status.placedColumns}/12, reported ${status.reportedColumns}/12` : status.state;

const reached = {
  received: () => true,
  encoded: (status) => status.fid !== null,
  declared: (status) => ["declared", "placing", "reported", "active"].includes(status.state),
  placed: (status) => status.placedColumns === 12 || status.state === "active",
  active: (status) => status.state === "active",
} as const satisfies Record<string, (status: UploadStatus) => boolean>;

/** How durable an upload is to be before it is waited for no longer. */
export type WaitTarget = keyof typeof reached;
export const waitTargets = Object.keys(reached) as readonly WaitTarget[];

/** @throws CodedError WAIT_INVALID (invalid) */
export function parseWaitTarget(text: string): WaitTarget {
  const target = waitTargets.find((one) => one === text);
  if (target !== undefined) return target;
  throw new CodedError("WAIT_INVALID", "invalid", `what is waited for is one of ${waitTargets.join(", ")}`);
}

/** Follows an upload until it has reached `target`. @throws CodedError with the code that the upload failed with */
export async function follow(
  gateway: Gateway,
  uploadId: string,
  target: WaitTarget,
  onStatus: (status: UploadStatus) => void,
): Promise<UploadStatus> {
  const isReached = reached[target];
  for (let pauseMs = 150; ; pauseMs = Math.min(1000, pauseMs * 1.2)) {
    const status = await gateway.call<UploadStatus>(`/uploads/${uploadId}`).catch((error: unknown) => {
      // A gateway that restarts is asked again: the upload is durable there.
      if (error instanceof CodedError && isRetryable(error)) return null;
      throw error;
    });
    if (status !== null) {
      onStatus(status);
      if (status.failure !== null && status.state === "failed") {
        throw new CodedError(status.failure.code, "conflict", status.failure.reason, { uploadId });
      }
      if (isReached(status)) return status;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
