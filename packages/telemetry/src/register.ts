import { CodedError } from "@granary/primitives";
import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from "prom-client";

/** Label names with the values each may take: series exist from the start, and a wrong value does not compile. */
export type Labels<L extends Record<string, string>> = { readonly [K in keyof L]: readonly L[K][] };

type CounterName = `granary_${string}_total`;
type HistogramName = `granary_${string}_${"seconds" | "bytes"}`;
/** A gauge is not a total. */
type GaugeName<N extends string> = N extends `${string}_total` ? never : N extends `granary_${string}` ? N : never;

export interface TypedCounter<L extends Record<string, string>> {
  add(labels: L, amount?: number): void;
}
export interface TypedGauge<L extends Record<string, string>> {
  set(labels: L, value: number): void;
  add(labels: L, amount: number): void;
}
export interface TypedHistogram<L extends Record<string, string>> {
  observe(labels: L, value: number): void;
  /** Starts a clock; the call that ends it names the labels. Returns seconds. */
  start(): (labels: L) => number;
}

/** What a metric is, for documentation and checks. */
export interface Family {
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram" | "summary";
  readonly help: string;
  /** Label names with the values that are there from the start. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
}

/**
 * Creates metrics and renders them. One per service; a throw-away one in tests. A name may be asked for again with the
 * same labels, e.g. once for each queue: it is one metric, with the values of all who asked.
 */
export interface Register {
  counter<L extends Record<string, string> = Record<never, string>>(spec: {
    name: CounterName;
    help: string;
    labels?: Labels<L>;
  }): TypedCounter<L>;
  gauge<N extends string, L extends Record<string, string> = Record<never, string>>(spec: {
    name: GaugeName<N>;
    help: string;
    labels?: Labels<L>;
    /**
     * Called at scrape time, for gauges that mirror something. One that throws or takes too long has no sample in that
     * scrape, and is counted in `granary_scrape_failures_total`.
     */
    collect?: (gauge: TypedGauge<L>) => void | Promise<void>;
  }): TypedGauge<L>;
  histogram<L extends Record<string, string> = Record<never, string>>(spec: {
    name: HistogramName;
    help: string;
    buckets: readonly number[];
    labels?: Labels<L>;
  }): TypedHistogram<L>;
  /** Prometheus text format. */
  render(): Promise<string>;
  /** Every metric that is there now, by name. */
  families(): readonly Family[];
  readonly contentType: string;
}

export interface RegisterOptions {
  readonly service: string;
  /** Memory, processor, event loop and garbage collection of this process. */
  readonly processMetrics: boolean;
  readonly collectTimeoutMs?: number;
}

type Values = Record<string, string>;
type AnyLabels = Record<string, readonly string[]>;

interface Known<M> {
  readonly metric: M;
  readonly labels: Map<string, Set<string>>;
  readonly collectors: Collect[];
}
type Collect = () => Promise<void>;

/** Half of what Prometheus waits for a scrape, so that the other numbers still come. */
const COLLECT_TIMEOUT_MS = 4_000;
/** prom-client has these gauges with the suffix of a counter; without them nothing is missed. */
const misnamed = ["nodejs_active_resources_total", "nodejs_active_handles_total", "nodejs_active_requests_total"];

export function createRegister(options: RegisterOptions): Register {
  const registry = new Registry();
  registry.setDefaultLabels({ service: options.service });
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  const registers = [registry];
  const known = new Map<string, Known<unknown>>();

  /** The metric of this name: a new one, or the one that somebody asked for before. */
  function family<M extends Metric>(name: string, labels: AnyLabels, create: (collect: Collect) => M): Known<M> {
    const entry: Known<M> = (known.get(name) as Known<M> | undefined) ?? {
      metric: create(async () => void (await Promise.all(entry.collectors.map((collect) => collect())))),
      labels: new Map(Object.keys(labels).map((label) => [label, new Set()])),
      collectors: [],
    };
    if (Object.keys(labels).sort().join() !== [...entry.labels.keys()].sort().join()) throw conflict(name);
    for (const [label, values] of Object.entries(labels)) {
      for (const value of values) entry.labels.get(label)?.add(value);
    }
    known.set(name, entry as Known<unknown>);
    return entry;
  }

  const register: Register = {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    families: () => registry.getMetricsAsArray().map((metric) => familyOf(metric as never, known)),
    counter({ name, help, labels = {} as never }) {
      const { metric } = family(
        name,
        labels,
        () => new Counter({ name, help, labelNames: Object.keys(labels), registers }),
      );
      for (const combination of combinations(labels)) metric.inc(combination, 0);
      return { add: (values, amount = 1) => metric.inc(values, amount) };
    },
    gauge({ name, help, labels = {} as never, collect }) {
      const { metric, collectors } = family(
        name,
        labels,
        (collectNow) => new Gauge({ name, help, labelNames: Object.keys(labels), registers, collect: collectNow }),
      );
      const typed = {
        set: (values: Values, value: number) => metric.set(values, value),
        add: (values: Values, amount: number) => metric.inc(values, amount),
      };
      const all = [...combinations(labels)];
      for (const combination of all) metric.inc(combination, 0);
      if (collect !== undefined) {
        collectors.push(async () => {
          try {
            await within(options.collectTimeoutMs ?? COLLECT_TIMEOUT_MS, collect(typed));
          } catch {
            // An old number that looks new is worse than none.
            for (const combination of all) metric.remove(combination);
            failures.add({});
          }
        });
      }
      return typed;
    },
    histogram({ name, help, buckets, labels = {} as never }) {
      const { metric } = family(
        name,
        labels,
        () => new Histogram({ name, help, buckets: [...buckets], labelNames: Object.keys(labels), registers }),
      );
      for (const combination of combinations(labels)) metric.zero(combination);
      return {
        observe: (values, value) => metric.observe(values, value),
        start: () => {
          const startedAt = performance.now();
          return (values) => {
            const seconds = (performance.now() - startedAt) / 1000;
            metric.observe(values, seconds);
            return seconds;
          };
        },
      };
    },
  };
  const failures = register.counter({
    name: "granary_scrape_failures_total",
    help: "Gauges that could not be read for a scrape, because what they ask did not answer",
  });
  return register;
}

function* combinations(labels: AnyLabels): Generator<Values> {
  const [first, ...rest] = Object.entries(labels);
  if (first === undefined) {
    yield {};
    return;
  }
  for (const value of first[1]) {
    for (const others of combinations(Object.fromEntries(rest))) yield { [first[0]]: value, ...others };
  }
}

function conflict(name: string): CodedError {
  return new CodedError("METRIC_CONFLICT", "bug", `${name} is there already, with other labels`);
}

/** What prom-client's metrics have besides their declared type. */
interface Described {
  readonly name: string;
  readonly help: string;
  readonly type: Family["kind"];
  readonly labelNames: readonly string[];
}

function familyOf({ name, help, type, labelNames }: Described, known: ReadonlyMap<string, Known<unknown>>): Family {
  const labels = known.get(name)?.labels;
  const valuesOf = (label: string) => [...(labels?.get(label) ?? [])];
  return { name, help, kind: type, labels: Object.fromEntries(labelNames.map((label) => [label, valuesOf(label)])) };
}

async function within(ms: number, answer: void | Promise<void>): Promise<void> {
  if (answer === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), ms);
  });
  try {
    await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
