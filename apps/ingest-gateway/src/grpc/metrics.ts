import type { Register } from "@granary/telemetry";

/** Methods of the gRPC services; health and reflection count as `other`. */
export const grpcMethods = [
  "Put",
  "Get",
  "Stat",
  "List",
  "Delete",
  "GetUpload",
  "WatchUpload",
  "CancelUpload",
  "GetDeal",
  "ListMiners",
  "ExplainMiner",
  "QuarantineMiner",
  "ReleaseMiner",
  "ResumeDeal",
  "ListActions",
  "GetQueues",
  "ListStuckUploads",
  "RetryUpload",
  "PausePlacement",
  "ResumePlacement",
  "ListDeadLetters",
  "ReplayDeadLetter",
  "DiscardDeadLetter",
  "ListAuditRecords",
  "other",
] as const;
type Method = (typeof grpcMethods)[number];

/** Names of gRPC's statuses. */
const outcomes = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;
export type GrpcOutcome = (typeof outcomes)[number];

export type GrpcMetrics = ReturnType<typeof createGrpcMetrics>;

export function createGrpcMetrics(register: Register) {
  return {
    calls: register.counter<{ method: Method; outcome: GrpcOutcome }>({
      name: "granary_grpc_calls_total",
      help: "gRPC calls ended, by method and status",
      labels: { method: grpcMethods, outcome: outcomes },
    }),
    duration: register.histogram<{ method: Method }>({
      name: "granary_grpc_call_seconds",
      help: "From the metadata of a gRPC call to its status",
      buckets: [0.005, 0.025, 0.1, 0.25, 1, 5, 30, 120, 600],
      labels: { method: grpcMethods },
    }),
  };
}

/** /granary.v1.ObjectService/Put → Put */
export const grpcMethodOf = (path: string): Method =>
  grpcMethods.find((method) => path.startsWith("/granary.") && path.endsWith(`/${method}`)) ?? "other";
