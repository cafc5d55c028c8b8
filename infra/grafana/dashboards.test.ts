import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { families } from "../metrics/catalogue.js";
import { parseQuery, type Selector } from "./promql.js";
import { dashboards, panelQueries, records, rules } from "./queries.js";

/** What Prometheus adds to every series, and what it makes itself. */
const targetLabels = ["instance", "job", "service"];
const ofPrometheus = new Map([
  ["up", [...targetLabels]],
  ["ALERTS", ["alertname", "alertstate", "severity"]],
]);

/** Metrics that no dashboard and no rule uses, each with the reason. */
const unused: Readonly<Record<string, string>> = {
  process_cpu_user_seconds_total: "process_cpu_seconds_total has both parts",
  process_cpu_system_seconds_total: "process_cpu_seconds_total has both parts",
  process_virtual_memory_bytes: "Node reserves address space that it never uses",
  process_heap_bytes: "the resident memory says what the process costs",
  process_max_fds: "a limit of the machine; sockets are limited by pools long before",
  nodejs_eventloop_lag_seconds: "a sample at the scrape; the percentiles see what was between scrapes",
  nodejs_eventloop_lag_min_seconds: "the worst matters",
  nodejs_eventloop_lag_max_seconds: "one outlier since the last scrape; p99 is what requests feel",
  nodejs_eventloop_lag_mean_seconds: "the worst matters",
  nodejs_eventloop_lag_stddev_seconds: "the worst matters",
  nodejs_eventloop_lag_p50_seconds: "the worst matters",
  nodejs_eventloop_lag_p90_seconds: "p99 is shown",
  nodejs_active_resources: "names of Node's inner handles: for a debugger",
  nodejs_active_handles: "names of Node's inner handles: for a debugger",
  nodejs_active_requests: "names of Node's inner handles: for a debugger",
  nodejs_heap_size_total_bytes: "what is used is shown",
  nodejs_heap_space_size_total_bytes: "for a debugger",
  nodejs_heap_space_size_used_bytes: "for a debugger",
  nodejs_heap_space_size_available_bytes: "for a debugger",
  nodejs_version_info: "the image says it",
};

const everyQuery = [
  ...panelQueries,
  ...rules.map(({ expr, alert, record }) => ({ where: alert ?? record ?? "", expr })),
];

/** The metric behind a series: a histogram is queried by its parts. */
function metricOf(series: string): string {
  const base = series.replace(/_(bucket|sum|count)$/, "");
  return families.get(base)?.kind === "histogram" ? base : series;
}

function labelsOf(series: string): readonly string[] | undefined {
  const record = records.find((rule) => rule.record === series);
  if (record !== undefined) return parseQuery(record.expr).grouping.filter((label) => label !== "le");
  const family = families.get(metricOf(series));
  if (family === undefined) return ofPrometheus.get(series);
  const le = family.kind === "histogram" && series.endsWith("_bucket") ? ["le"] : [];
  return [...Object.keys(family.labels), ...targetLabels, ...le];
}

/** What of a matcher can match nothing: the label, or a value that it never has. */
function troubleOf({ metric, matchers }: Selector): string[] {
  const labels = labelsOf(metric);
  if (labels === undefined) return [`there is no metric ${metric}`];
  const known = families.get(metricOf(metric))?.labels ?? {};
  return matchers.flatMap(({ label, operator, value }) => {
    if (!labels.includes(label)) return [`${metric} has no label ${label}`];
    const values = known[label] ?? [];
    if (values.length === 0 || values.includes("any")) return [];
    const named = operator.includes("~") ? value.split("|") : [value];
    return named.filter((one) => !values.includes(one)).map((one) => `${metric} never has ${label}="${one}"`);
  });
}

describe("dashboards and rules", () => {
  it("use no metric, no label and no label's value that does not exist", () => {
    const troubles = everyQuery.flatMap(({ where, expr }) => {
      const { selectors, grouping } = parseQuery(expr);
      const available = new Set(["le", ...selectors.flatMap(({ metric }) => labelsOf(metric) ?? [])]);
      const strange = grouping
        .filter((label) => !available.has(label))
        .map((label) => `nothing has the label ${label}`);
      return [...selectors.flatMap(troubleOf), ...strange].map((trouble) => `${where}: ${trouble}`);
    });
    expect(troubles).toEqual([]);
  });

  it("use every metric, but for those that are left out for a reason", () => {
    const used = new Set(
      everyQuery.flatMap(({ expr }) => parseQuery(expr).selectors.map(({ metric }) => metricOf(metric))),
    );
    const missing = [...families.keys()].filter((name) => !used.has(name) && unused[name] === undefined);
    // Add a panel for it in infra/grafana/source, then: node scripts/generate-dashboards.mjs
    expect(missing).toEqual([]);
    expect(Object.keys(unused).filter((name) => used.has(name) || !families.has(name))).toEqual([]);
  });

  it("use every recorded series", () => {
    const used = new Set(everyQuery.flatMap(({ expr }) => parseQuery(expr).selectors.map(({ metric }) => metric)));
    expect(records.filter(({ record }) => !used.has(record))).toEqual([]);
  });

  it("show a label in a legend only where the query keeps it", () => {
    const troubles = dashboards.flatMap(({ file, dashboard }) =>
      dashboard.panels.flatMap(({ title, targets = [] }) =>
        (targets as readonly { expr: string; legendFormat?: string }[]).flatMap(({ expr, legendFormat = "" }) => {
          const { grouping, selectors } = parseQuery(expr);
          const kept = new Set([
            ...grouping,
            ...selectors.flatMap(({ metric }) => (metric.includes(":") ? (labelsOf(metric) ?? []) : [])),
          ]);
          const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label as string);
          return named.filter((label) => !kept.has(label)).map((label) => `${file} ${title}: ${label}`);
        }),
      ),
    );
    expect(troubles).toEqual([]);
  });

  it("are seen when they use what does not exist", () => {
    expect(troubleOf({ metric: "granary_no_such_total", matchers: [] })).toHaveLength(1);
    const outcome = { label: "outcome", operator: "=", value: "never" };
    expect(troubleOf({ metric: "granary_jobs_total", matchers: [outcome] })).toHaveLength(1);
    const fid = { label: "fid", operator: "=", value: "a" };
    expect(troubleOf({ metric: "granary_job_seconds_bucket", matchers: [fid] })).toHaveLength(1);
    expect(troubleOf({ metric: "granary_job_seconds", matchers: [] })).toEqual([]);
  });
});

describe("infra/grafana/dashboards", () => {
  it("are at least five, each with an address that stays, and none with an id of some Grafana", () => {
    expect(dashboards.length).toBeGreaterThanOrEqual(5);
    const uids = dashboards.map(({ dashboard }) => dashboard.uid);
    expect(new Set(uids).size).toBe(uids.length);
    for (const { file, dashboard } of dashboards) {
      expect(dashboard.uid).toBe(`granary-${file.replace(".json", "")}`);
      expect(dashboard.id).toBeUndefined();
      for (const panel of dashboard.panels) expect(panel.id).toBeUndefined();
    }
  });

  it("take their data from where the reader says", () => {
    for (const { dashboard } of dashboards) {
      expect(dashboard.templating.list).toContainEqual(
        expect.objectContaining({ name: "datasource", type: "datasource" }),
      );
      const variable = { type: "prometheus", uid: "$".concat("{datasource}") };
      for (const panel of dashboard.panels.filter(({ type }) => type !== "row")) {
        expect(panel.datasource).toEqual(variable);
        for (const target of panel.targets ?? []) expect(target.datasource).toEqual(variable);
      }
    }
  });

  it("say of every panel what it shows, and lay none over another", () => {
    for (const { file, dashboard } of dashboards) {
      const taken = new Set<string>();
      for (const { type, title, description, targets, gridPos } of dashboard.panels) {
        if (type !== "row") {
          expect({ file, title, isSaid: (description ?? "").length > 3 }).toEqual({ file, title, isSaid: true });
          expect({ file, title, queries: targets?.length ?? 0 }).not.toEqual({ file, title, queries: 0 });
        }
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
            if (taken.has(`${x},${y}`) || x >= 24) throw new Error(`${file}: ${title} lies over another`);
            taken.add(`${x},${y}`);
          }
        }
      }
    }
  });

  it("are provisioned, with the data source that they look for", () => {
    const provisioning = join(import.meta.dirname, "provisioning");
    const files = readdirSync(provisioning, { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".yml"),
    );
    const texts = files.map(
      (file) => parse(readFileSync(join(provisioning, file), "utf8")) as Record<string, unknown[]>,
    );
    const sources = texts.flatMap(({ datasources = [] }) => datasources as { type: string; isDefault?: boolean }[]);
    expect(sources.filter(({ type, isDefault }) => type === "prometheus" && isDefault)).toHaveLength(1);
    const providers = texts.flatMap(({ providers = [] }) => providers as { options: { path: string } }[]);
    expect(providers.map(({ options }) => options.path)).toEqual(["/var/lib/grafana/dashboards"]);
  });
});
