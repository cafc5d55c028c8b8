import { asCodedError } from "@granary/primitives";
import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { parseTraceParent } from "@opentelemetry/core";

/** What a piece of work is about: in every line of its log, and on its spans. */
export interface About {
  readonly upload?: string;
  readonly fid?: string;
}

export type TraceKind = "server" | "client" | "consumer" | "internal";

export interface EntryOptions {
  readonly kind: TraceKind;
  /** W3C traceparent of what caused the work; without it, or when it is none, a new trace begins. */
  readonly from?: string | null | undefined;
  readonly about?: About;
  /** Never a key, a signature, or what a client wrote: names and numbers of ours. */
  readonly attributes?: Attributes;
}

/** Work that came from outside this process, from its arrival to its end. */
export interface Entry {
  /** Runs something as part of the work: its spans, its log lines, and what it sends belong to the trace. */
  run<T>(work: () => T): T;
  end(result?: { readonly error?: unknown; readonly attributes?: Attributes }): void;
}

const TRACER = "granary";
const aboutKey = createContextKey("what the work is about");
const attributeOf = { upload: "granary.upload.id", fid: "granary.fid" } as const;
const kinds: Record<TraceKind, SpanKind> = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
};

export function beginEntry(name: string, options: EntryOptions): Entry {
  const about: Record<string, string> = { ...options.about };
  const base = contextOf(options.from).setValue(aboutKey, about);
  const span = trace
    .getTracer(TRACER)
    .startSpan(
      name,
      { kind: kinds[options.kind], attributes: { ...options.attributes, ...aboutAttributes(about) } },
      base,
    );
  const inside = trace.setSpan(base, span);
  return {
    run: (work) => context.with(inside, work),
    end({ error, attributes = {} } = {}) {
      span.setAttributes(attributes);
      endSpan(span, error);
    },
  };
}

/** Runs `work` as an entry. */
export async function traceEntry<T>(name: string, options: EntryOptions, work: () => Promise<T>): Promise<T> {
  const entry = beginEntry(name, options);
  try {
    const result = await entry.run(work);
    entry.end();
    return result;
  } catch (error) {
    entry.end({ error });
    throw error;
  }
}

/** A step worth seeing inside the present work; outside of any it is not traced. */
export async function traceStep<T>(
  name: string,
  options: { readonly kind?: TraceKind; readonly attributes?: Attributes },
  work: () => Promise<T>,
): Promise<T> {
  if (trace.getActiveSpan() === undefined) return work();
  const kind = kinds[options.kind ?? "internal"];
  const span = trace.getTracer(TRACER).startSpan(name, { kind, attributes: options.attributes ?? {} });
  try {
    const result = await context.with(trace.setSpan(context.active(), span), work);
    endSpan(span, undefined);
    return result;
  } catch (error) {
    endSpan(span, error);
    throw error;
  }
}

/** From here on the present work is about this too. */
export function traceAbout(about: About): void {
  Object.assign(context.active().getValue(aboutKey) ?? {}, about);
  trace.getActiveSpan()?.setAttributes(aboutAttributes(about));
}

/** The ids in a message of ours, by the names that contracts give them. */
export function aboutOf(message: unknown): About {
  const { uploadId, fid } = (message ?? {}) as { uploadId?: unknown; fid?: unknown };
  return {
    ...(typeof uploadId === "string" ? { upload: uploadId } : {}),
    ...(typeof fid === "string" ? { fid } : {}),
  };
}

/** W3C traceparent of the present work, to be sent along or written down. */
export function currentTrace(): string | undefined {
  const span = trace.getActiveSpan()?.spanContext();
  if (span === undefined || !trace.isSpanContextValid(span)) return undefined;
  const isSampled = (span.traceFlags & TraceFlags.SAMPLED) !== 0;
  return `00-${span.traceId}-${span.spanId}-${isSampled ? "01" : "00"}`;
}

export const currentTraceId = (): string | undefined => currentTrace()?.split("-")[1];

/** What every line of a log says of where it was written. */
export function traceFields(): Readonly<Record<string, string>> {
  const about = context.active().getValue(aboutKey) as Record<string, string> | undefined;
  const id = currentTraceId();
  return { ...about, ...(id === undefined ? {} : { trace: id }) };
}

function contextOf(from: string | null | undefined): Context {
  const parent = typeof from === "string" ? parseTraceParent(from) : null;
  return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });
}

const aboutAttributes = (about: About): Attributes =>
  Object.fromEntries(
    Object.entries(about).map(([key, value]) => [attributeOf[key as keyof About] ?? `granary.${key}`, value]),
  );

/** Codes are ours and few; the text of an error may hold anything, so it stays in the log. */
function endSpan(span: Span, error: unknown): void {
  if (error !== undefined) {
    const { code, category } = asCodedError(error);
    span.setAttributes({ "error.type": code, "granary.error.category": category });
    span.setStatus({ code: SpanStatusCode.ERROR, message: code });
  }
  span.end();
}
