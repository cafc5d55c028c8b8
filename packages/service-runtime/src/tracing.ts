import { CodedError } from "@granary/primitives";
import { beginEntry, samplers, startTracing, type Tracing } from "@granary/telemetry";
import type { NestFastifyApplication } from "@nestjs/platform-fastify";
import { z } from "zod";
import { type Secret, setting } from "./setting.js";

const pairs = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split(",")
      .map((pair) => pair.split("="))
      .flatMap(([name = "", ...value]) =>
        name.trim() === "" ? [] : [[name.trim(), decodeURIComponent(value.join("=").trim())]],
      ),
  );

/** OpenTelemetry's own variables, as far as they are followed. */
export const tracingSettings = {
  OTEL_EXPORTER_OTLP_ENDPOINT: setting
    .url("http:", "https:")
    .optional()
    .describe("collector that takes OTLP over HTTP (JSON); without it no traces are recorded"),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: setting
    .url("http:", "https:")
    .optional()
    .describe("the whole URL for traces, where it is not <endpoint>/v1/traces"),
  OTEL_EXPORTER_OTLP_HEADERS: setting.secret().optional().describe("headers for the collector: name=value,name=value"),
  OTEL_TRACES_SAMPLER: z.enum(samplers).default("parentbased_always_on").describe("which traces are recorded"),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe("share of traces, for samplers by ratio"),
  OTEL_RESOURCE_ATTRIBUTES: z
    .string()
    .default("")
    .transform(pairs)
    .describe("what every span says of its process: name=value,name=value"),
  OTEL_BSP_SCHEDULE_DELAY: z.coerce
    .number()
    .int()
    .positive()
    .default(5_000)
    .describe("milliseconds that a span waits at most to be sent"),
};

export interface TracingConfig {
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_HEADERS?: Secret | undefined;
  readonly OTEL_TRACES_SAMPLER: (typeof samplers)[number];
  readonly OTEL_TRACES_SAMPLER_ARG: number;
  readonly OTEL_RESOURCE_ATTRIBUTES: Readonly<Record<string, string>>;
  readonly OTEL_BSP_SCHEDULE_DELAY: number;
}

export function startServiceTracing(service: string, config: TracingConfig): Tracing {
  const base = config.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, "");
  return startTracing({
    service,
    url: config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base === undefined ? undefined : `${base}/v1/traces`),
    headers: pairs(config.OTEL_EXPORTER_OTLP_HEADERS?.reveal() ?? ""),
    sampler: config.OTEL_TRACES_SAMPLER,
    ratio: config.OTEL_TRACES_SAMPLER_ARG,
    resource: config.OTEL_RESOURCE_ATTRIBUTES,
    delayMs: config.OTEL_BSP_SCHEDULE_DELAY,
  });
}

/** What asks how the service is would only bury what it does. */
const untraced = new Set(["/live", "/ready", "/startup", "/metrics"]);

/** Every request that means something is an entry, from its head to the end of its answer. */
export function traceHttp(app: NestFastifyApplication): void {
  const server = app.getHttpAdapter().getInstance();
  server.addHook("onRequest", (request, reply, done) => {
    const route = request.routeOptions.url ?? "none";
    if (untraced.has(route)) return done();
    const { traceparent } = request.headers;
    const entry = beginEntry(`${request.method} ${route}`, {
      kind: "server",
      from: typeof traceparent === "string" ? traceparent : undefined,
      attributes: { "http.request.method": request.method, "http.route": route },
    });
    reply.raw.once("close", () => {
      const isWhole = reply.raw.writableFinished;
      const attributes = { "http.response.status_code": reply.raw.statusCode, "granary.http.is_whole": isWhole };
      entry.end({ attributes, ...(reply.raw.statusCode >= 500 ? { error: httpError(reply.raw.statusCode) } : {}) });
    });
    entry.run(done);
  });
}

const httpError = (status: number) => new CodedError(`HTTP_${status}`, "unavailable", "the answer is an error");
