import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

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

/** Creates metrics and renders them. One per service; a throw-away one in tests. */
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
    /** Called at scrape time, for gauges that mirror something. */
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
  readonly contentType: string;
}

function* combinations(labels: Record<string, readonly string[]>): Generator<Record<string, string>> {
  const [first, ...rest] = Object.entries(labels);
  if (first === undefined) {
    yield {};
    return;
  }
  for (const value of first[1]) {
    for (const others of combinations(Object.fromEntries(rest))) yield { [first[0]]: value, ...others };
  }
}

export function createRegister(options: { service: string; processMetrics: boolean }): Register {
  const registry = new Registry();
  registry.setDefaultLabels({ service: options.service });
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  const registers = [registry];

  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    counter({ name, help, labels = {} as never }) {
      const counter = new Counter({ name, help, labelNames: Object.keys(labels), registers });
      for (const combination of combinations(labels)) counter.inc(combination, 0);
      return { add: (values, amount = 1) => counter.inc(values, amount) };
    },
    gauge({ name, help, labels = {} as never, collect }) {
      const gauge = new Gauge({
        name,
        help,
        labelNames: Object.keys(labels),
        registers,
        ...(collect === undefined ? {} : { collect: () => collect(typed) }),
      });
      const typed = {
        set: (values: Record<string, string>, value: number) => gauge.set(values, value),
        add: (values: Record<string, string>, amount: number) => gauge.inc(values, amount),
      };
      for (const combination of combinations(labels)) gauge.set(combination, 0);
      return typed;
    },
    histogram({ name, help, buckets, labels = {} as never }) {
      const histogram = new Histogram({
        name,
        help,
        buckets: [...buckets],
        labelNames: Object.keys(labels),
        registers,
      });
      for (const combination of combinations(labels)) histogram.zero(combination);
      return {
        observe: (values, value) => histogram.observe(values, value),
        start: () => {
          const startedAt = performance.now();
          return (values) => {
            const seconds = (performance.now() - startedAt) / 1000;
            histogram.observe(values, seconds);
            return seconds;
          };
        },
      };
    },
  };
}
