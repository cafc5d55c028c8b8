import { createHash, timingSafeEqual } from "node:crypto";
import { CodedError } from "@granary/primitives";
import { ServerInterceptingCall, type ServerInterceptor, status } from "@grpc/grpc-js";
import { type GrpcMetrics, type GrpcOutcome, grpcMethodOf } from "./metrics.js";
import { grpcStatusOf } from "./status.js";

/** Probes ask without a token; they learn nothing but whether the gateway serves. */
const openService = "/grpc.health.v1.Health/";

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Lets in who has the token; without a token everybody whom the transport lets in. */
export function requireToken(token: string | undefined): ServerInterceptor {
  const wanted = token === undefined ? undefined : digest(`Bearer ${token}`);
  return (method, call) => {
    if (wanted === undefined || method.path.startsWith(openService)) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, go) => {
            const [given] = metadata.get("authorization");
            if (timingSafeEqual(digest(String(given ?? "")), wanted)) return go(metadata);
            const error = new CodedError("CALLER_UNKNOWN", "denied", "the call does not carry the gateway's token");
            call.sendStatus(grpcStatusOf(error));
          },
        }),
    });
  };
}

/** Counts every call by how it ended, also those that were refused or that their clients left. */
export function observeCalls(metrics: GrpcMetrics): ServerInterceptor {
  return (definition, call) => {
    const method = grpcMethodOf(definition.path);
    const startedAt = performance.now();
    let isCounted = false;
    const count = (outcome: GrpcOutcome) => {
      if (isCounted) return;
      isCounted = true;
      metrics.calls.add({ method, outcome });
      metrics.duration.observe({ method }, (performance.now() - startedAt) / 1000);
    };
    return new ServerInterceptingCall(call, {
      start: (next) => next({ onCancel: () => count("CANCELLED") }),
      sendStatus: (sent, next) => {
        count(status[sent.code ?? status.UNKNOWN] as GrpcOutcome);
        next(sent);
      },
    });
  };
}
