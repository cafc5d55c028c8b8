import { setting } from "@granary/service-runtime";
import { z } from "zod";

/** The face for internal consumers. Without a port there is none. */
export const grpcSettings = {
  GRPC_PORT: setting.port().optional().describe("port of the gRPC services; without it they are off"),
  GRPC_HOST: z.string().default("127.0.0.1").describe("address on which the gRPC services listen"),
  GRPC_TOKEN: setting.secret().optional().describe("what gRPC callers send as `authorization: Bearer …`"),
  GRPC_TLS_CERT: z.string().min(1).optional().describe("certificate chain of the gRPC services, PEM"),
  GRPC_TLS_KEY: setting.secret().optional().describe("private key of GRPC_TLS_CERT, PEM"),
  GRPC_TLS_CLIENT_CA: z
    .string()
    .min(1)
    .optional()
    .describe("authority whose certificates gRPC callers must show, PEM: mutual TLS"),
};

type GrpcSettings = z.infer<z.ZodObject<typeof grpcSettings>>;
const loopback = ["127.0.0.1", "::1", "localhost"];

/** What must hold between the settings. */
export function checkGrpcSettings(settings: GrpcSettings, context: z.RefinementCtx): void {
  const refuse = (name: string, message: string) => context.addIssue({ code: "custom", path: [name], message });
  const { GRPC_HOST, GRPC_TOKEN, GRPC_TLS_CERT, GRPC_TLS_KEY, GRPC_TLS_CLIENT_CA } = settings;
  if ((GRPC_TLS_CERT === undefined) !== (GRPC_TLS_KEY === undefined)) {
    refuse("GRPC_TLS_CERT", "GRPC_TLS_CERT and GRPC_TLS_KEY are given together");
  }
  if (GRPC_TLS_CLIENT_CA !== undefined && GRPC_TLS_CERT === undefined) {
    refuse("GRPC_TLS_CLIENT_CA", "mutual TLS needs GRPC_TLS_CERT too");
  }
  if (!loopback.includes(GRPC_HOST) && GRPC_TOKEN === undefined && GRPC_TLS_CLIENT_CA === undefined) {
    refuse("GRPC_HOST", "callers act for any account: beyond loopback, GRPC_TOKEN or GRPC_TLS_CLIENT_CA is needed");
  }
}
