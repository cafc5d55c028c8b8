import { protoFiles, protoFolder, protoPackage } from "@granary/contracts";
import type { Health, Step } from "@granary/service-runtime";
import { type Server, ServerCredentials } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { type GrpcOptions, Transport } from "@nestjs/microservices";
import { HealthImplementation } from "grpc-health-check";
import type { GatewayConfig } from "../config.js";
import { observeCalls, requireToken } from "./caller.js";
import type { GrpcMetrics } from "./metrics.js";

/** Calls that do not end by themselves when the service stops. */
const FORCE_AFTER_MS = 5_000;
const services = ["", ...["Object", "Deal", "Miner", "Operator"].map((name) => `${protoPackage}.${name}Service`)];

/** How Nest serves gRPC here, with health that follows /ready, and reflection. */
export function grpcTransport(options: {
  readonly config: GatewayConfig;
  readonly port: number;
  readonly metrics: GrpcMetrics;
  readonly health: Health;
  readonly stopping: AbortSignal;
}): { transport: GrpcOptions; followHealth: Step } {
  const { config, stopping } = options;
  const health = new HealthImplementation(Object.fromEntries(services.map((service) => [service, "NOT_SERVING"])));
  const followHealth: Step = async () => {
    const { ok } = await options.health.ready();
    for (const service of services) health.setStatus(service, ok && !stopping.aborted ? "SERVING" : "NOT_SERVING");
    return "idle";
  };
  // In TypeScript, Nest's channel options are numbers and texts; interceptors are the one that is a function.
  const interceptors = [observeCalls(options.metrics), requireToken(config.GRPC_TOKEN?.reveal())];
  const channelOptions = { interceptors } as unknown as NonNullable<GrpcOptions["options"]["channelOptions"]>;
  const transport: GrpcOptions = {
    transport: Transport.GRPC,
    options: {
      url: `${config.GRPC_HOST.includes(":") ? `[${config.GRPC_HOST}]` : config.GRPC_HOST}:${options.port}`,
      package: protoPackage,
      protoPath: protoFiles.map((file) => `${protoFolder}/${file}`),
      loader: { includeDirs: [protoFolder], longs: Number, enums: String, defaults: true, oneofs: true },
      credentials: credentialsOf(config),
      channelOptions,
      gracefulShutdown: true,
      onLoadPackageDefinition: (definition, server: Server) => {
        health.addToServer(server);
        new ReflectionService(definition).addToServer(server);
        stopping.addEventListener("abort", () => setTimeout(() => server.forceShutdown(), FORCE_AFTER_MS).unref());
      },
    },
  };
  return { transport, followHealth };
}

function credentialsOf({ GRPC_TLS_CERT, GRPC_TLS_KEY, GRPC_TLS_CLIENT_CA }: GatewayConfig): ServerCredentials {
  if (GRPC_TLS_CERT === undefined || GRPC_TLS_KEY === undefined) return ServerCredentials.createInsecure();
  const pair = { cert_chain: Buffer.from(GRPC_TLS_CERT), private_key: Buffer.from(GRPC_TLS_KEY.reveal()) };
  const authority = GRPC_TLS_CLIENT_CA === undefined ? null : Buffer.from(GRPC_TLS_CLIENT_CA);
  return ServerCredentials.createSsl(authority, [pair], authority !== null);
}
