import type { Register } from "@granary/telemetry";

/** Routes as they are in the metrics; whatever else is asked for counts as `other`. */
export const routes = [
  "/",
  "/version",
  "/gateway",
  "/file",
  "/files",
  "/object/:name",
  "/resume/:name",
  "/chunks",
  "/uploads",
  "/uploads/:id",
  "/uploads/:id/missing",
  "/file/download/:fid",
  "/download/:fid",
  "/:fid",
  "/:fid/download",
  "/file/open/:fid",
  "/file/metadata/:fid",
  "/file/location/:fid",
  "/file/map/:fid",
  "/file/list",
  "/file/:fid",
  "/fragment/download",
  "/miners",
  "/territories",
  "/territories/:account",
  "other",
] as const;
export type Route = (typeof routes)[number];

export const statusClasses = ["2xx", "3xx", "4xx", "5xx"] as const;
export type StatusClass = (typeof statusClasses)[number];

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

const settledStages = ["encoded", "declared", "active", "failed"] as const;
export type SettledStage = (typeof settledStages)[number];

export type GatewayMetrics = ReturnType<typeof createGatewayMetrics>;

export function createGatewayMetrics(
  register: Register,
  mirror: { stagedBytes: () => Promise<number>; outboxLagSeconds: () => Promise<number> },
) {
  return {
    http: {
      requests: register.counter<{ route: Route; status: StatusClass }>({
        name: "granary_ingest_http_requests_total",
        help: "HTTP requests answered, by route and class of status",
        labels: { route: routes, status: statusClasses },
      }),
      duration: register.histogram<{ route: Route }>({
        name: "granary_ingest_http_request_seconds",
        help: "From the first byte of a request to the last of its answer",
        buckets: [0.01, 0.05, 0.25, 1, 5, 30, 120, 600],
        labels: { route: routes },
      }),
    },
    uploads: {
      ended: register.counter<{ outcome: UploadOutcome }>({
        name: "granary_ingest_uploads_total",
        help: "Uploads received, and refused by the code of the refusal",
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
    stagedBytes: register.gauge({
      name: "granary_ingest_staged_bytes",
      help: "Bytes of uploads that are not released yet",
      collect: async (gauge) => gauge.set({}, await mirror.stagedBytes()),
    }),
    outboxLag: register.gauge({
      name: "granary_ingest_outbox_lag_seconds",
      help: "How long the oldest unpublished fact has waited",
      collect: async (gauge) => gauge.set({}, await mirror.outboxLagSeconds()),
    }),
  };
}

export const uploadOutcomeOf = (code: string): UploadOutcome =>
  uploadOutcomes.find((outcome) => outcome === code) ?? "OTHER";

export const routeOf = (template: string | undefined): Route => routes.find((route) => route === template) ?? "other";

export const statusClassOf = (status: number): StatusClass =>
  status < 300 ? "2xx" : status < 400 ? "3xx" : status < 500 ? "4xx" : "5xx";
