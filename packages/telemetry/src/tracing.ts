import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";

/** OpenTelemetry's own names of samplers. */
export const samplers = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

export interface TracingOptions {
  readonly service: string;
  /** Where OTLP over HTTP takes traces. Undefined: nothing is recorded, and trace ids are in the log only. */
  readonly url: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly sampler: (typeof samplers)[number];
  /** Of the samplers by ratio: the share of traces that are recorded. */
  readonly ratio: number;
  readonly resource: Readonly<Record<string, string>>;
  /** Longest time that a span waits to be sent. */
  readonly delayMs: number;
}

export interface Tracing {
  /** Sends what waits, and ends. */
  stop(): Promise<void>;
}

const samplerOf = ({ url, sampler, ratio }: TracingOptions): Sampler => {
  if (url === undefined) return new AlwaysOffSampler();
  const root = sampler.endsWith("always_off")
    ? new AlwaysOffSampler()
    : sampler.endsWith("ratio")
      ? new TraceIdRatioBasedSampler(ratio)
      : new AlwaysOnSampler();
  return sampler.startsWith("parentbased_") ? new ParentBasedSampler({ root }) : root;
};

const EXPORT_TIMEOUT_MS = 5_000;

/**
 * Makes spans of this process real. One per process, as OpenTelemetry has it: where somebody was first, an SDK that was
 * loaded before the program among them, that one stays.
 */
export function startTracing(options: TracingOptions): Tracing {
  const { service, url, headers, resource, delayMs } = options;
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const exporters =
    url === undefined
      ? []
      : [
          new BatchSpanProcessor({
            exporter: new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: EXPORT_TIMEOUT_MS }),
            scheduledDelayMillis: delayMs,
            exportTimeoutMillis: EXPORT_TIMEOUT_MS,
          }),
        ];
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.namespace": "granary", "service.name": service, ...resource }),
    sampler: samplerOf(options),
    spanProcessors: exporters,
  });
  const isFirst = trace.setGlobalTracerProvider(provider);
  return {
    async stop() {
      if (isFirst) trace.disable();
      await provider.shutdown();
    },
  };
}
