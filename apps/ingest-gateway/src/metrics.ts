import type { Register } from "@granary/telemetry";

/** How uploads end on their way to `received`. What is not named here counts as `OTHER`. */
export const uploadOutcomes = [
  "RECEIVED",
  "SIGNATURE_INVALID",
  "SIGNATURE_EXPIRED",
  "SIGNATURE_MISSING",
  "SIGNATURE_ACCOUNT_MISMATCH",
  "ACCESS_DENIED",
  "RATE_LIMITED",
  "UPLOADS_TOO_MANY",
  "TERRITORY_NOT_OWNED",
  "TERRITORY_NOT_ACTIVE",
  "TERRITORY_FULL",
  "GATEWAY_NOT_AUTHORIZED",
  "CHAIN_NOT_SYNCED",
  "STAGING_FULL",
  "OBJECT_TOO_LARGE",
  "PART_TOO_LARGE",
  "PART_LENGTH_WRONG",
  "PART_OVERLAPS",
  "PART_DIFFERS",
  "BODY_ABORTED",
  "BODY_TOO_SLOW",
  "FORM_INVALID",
  "SERVICE_UNREACHABLE",
  "REQUEST_TIMEOUT",
  "UNEXPECTED",
  "OTHER",
] as const;
export type UploadOutcome = (typeof uploadOutcomes)[number];

/** States of an upload that are not its end. */
export const openUploadStates = ["receiving", "received", "encoded", "declared", "placing"] as const;
export type OpenUploadState = (typeof openUploadStates)[number];
export type OpenUploads = Readonly<Record<OpenUploadState, { readonly count: number; readonly oldestSeconds: number }>>;

const settledStages = ["encoded", "declared", "active", "failed"] as const;
export type SettledStage = (typeof settledStages)[number];

export type GatewayMetrics = ReturnType<typeof createGatewayMetrics>;

export function createGatewayMetrics(
  register: Register,
  mirror: {
    readonly stagedBytes: () => Promise<number>;
    readonly freeBytes: () => Promise<number>;
    readonly openUploads: () => Promise<OpenUploads>;
  },
) {
  const labels = { state: openUploadStates };
  register.gauge<"granary_ingest_uploads", { state: OpenUploadState }>({
    name: "granary_ingest_uploads",
    help: "Uploads that are neither active nor failed, by state",
    labels,
    collect: async (gauge) => {
      const uploads = await mirror.openUploads();
      for (const state of openUploadStates) gauge.set({ state }, uploads[state].count);
    },
  });
  register.gauge<"granary_ingest_oldest_upload_seconds", { state: OpenUploadState }>({
    name: "granary_ingest_oldest_upload_seconds",
    help: "How long the upload that has been in a state for longest has been in it",
    labels,
    collect: async (gauge) => {
      const uploads = await mirror.openUploads();
      for (const state of openUploadStates) gauge.set({ state }, uploads[state].oldestSeconds);
    },
  });
  return {
    uploads: {
      ended: register.counter<{ outcome: UploadOutcome }>({
        name: "granary_ingest_upload_attempts_total",
        help: "Attempts to upload: received, and refused by the code of the refusal",
        labels: { outcome: uploadOutcomes },
      }),
      inFlight: register.gauge({ name: "granary_ingest_bodies_in_flight", help: "Bodies that are being received now" }),
      bytes: register.counter({ name: "granary_ingest_received_bytes_total", help: "Bytes of bodies received" }),
      stage: register.histogram<{ stage: SettledStage }>({
        name: "granary_ingest_upload_stage_seconds",
        help: "From the last byte of an upload to the stage it has reached",
        buckets: [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600],
        labels: { stage: settledStages },
      }),
    },
    downloadsCut: register.counter({
      name: "granary_ingest_downloads_cut_total",
      help: "Downloads cut off because their client took less than the least rate",
    }),
    stagingFree: register.gauge({
      name: "granary_ingest_staging_free_bytes",
      help: "Bytes that may still be staged before uploads are refused",
      collect: async (gauge) => gauge.set({}, await mirror.freeBytes()),
    }),
    stagedBytes: register.gauge({
      name: "granary_ingest_staged_bytes",
      help: "Bytes of uploads that are not released yet",
      collect: async (gauge) => gauge.set({}, await mirror.stagedBytes()),
    }),
  };
}

export const uploadOutcomeOf = (code: string): UploadOutcome =>
  uploadOutcomes.find((outcome) => outcome === code) ?? "OTHER";
