// A dashboard as it is read here: rows of panels, a panel of queries. What Grafana wants besides is added once.
const WIDTH = 24;
const HEIGHT = 8;
const datasource = { type: "prometheus", uid: "$".concat("{datasource}") };

/** @typedef {{ expr: string, legend?: string }} Query */

/** A query with its legend. */
export const query = (expr, legend) => ({ expr, legend: legend ?? "__auto" });

const targetsOf = (queries) =>
  queries.map(({ expr, legend }, at) => ({
    refId: String.fromCharCode("A".charCodeAt(0) + at),
    datasource,
    editorMode: "code",
    expr,
    legendFormat: legend,
    range: true,
  }));

/** Lines over time. */
export const lines = (title, unit, description, queries, more = {}) => ({
  type: "timeseries",
  title,
  description,
  datasource,
  targets: targetsOf(queries),
  fieldConfig: {
    defaults: {
      unit,
      min: more.min ?? 0,
      custom: {
        lineWidth: 1,
        fillOpacity: more.stacked ? 40 : 8,
        showPoints: "never",
        stacking: { mode: more.stacked ? "normal" : "none" },
      },
    },
    overrides: [],
  },
  options: {
    legend: { displayMode: "table", placement: "bottom", calcs: ["lastNotNull", "max"] },
    tooltip: { mode: "multi", sort: "desc" },
  },
  width: more.width ?? 8,
});

/**
 * The newest value, large. Above the last of `limits` it is red, above the first of two orange; with `isLowBad` it is
 * red below the first, and green above the last.
 */
export const number = (title, unit, description, expr, { limits = [], width = 4, isLowBad = false } = {}) => {
  const ascending = limits.length === 2 ? ["green", "orange", "red"] : ["green", "red"];
  const colours = limits.length === 0 ? ["blue"] : isLowBad ? ascending.toReversed() : ascending;
  const steps = colours.map((color, at) => ({ color, value: at === 0 ? null : limits[at - 1] }));
  return {
    type: "stat",
    title,
    description,
    datasource,
    targets: targetsOf([query(expr)]),
    fieldConfig: { defaults: { unit, thresholds: { mode: "absolute", steps } }, overrides: [] },
    options: { colorMode: "value", graphMode: "area", reduceOptions: { calcs: ["lastNotNull"] } },
    height: 4,
    width,
  };
};

/** One bar for each series, at its newest value. */
export const bars = (title, unit, description, queries, width = 8) => ({
  type: "bargauge",
  title,
  description,
  datasource,
  targets: targetsOf(queries).map((target) => ({ ...target, instant: true, range: false })),
  fieldConfig: { defaults: { unit, min: 0, color: { mode: "continuous-BlPu" } }, overrides: [] },
  options: { orientation: "horizontal", displayMode: "basic", reduceOptions: { calcs: ["lastNotNull"] } },
  width,
});

/** Panels side by side, wrapped at the dashboard's width, below a heading. */
export const row = (title, ...panels) => ({ title, panels });

/** The line below which this share of the observations of a histogram is. */
export const quantile = (share, histogram, by = [], matchers = "") =>
  `histogram_quantile(${share}, sum by (${["le", ...by].join(", ")}) (rate(${histogram}_bucket${matchers}[$__rate_interval])))`;

export function dashboard(uid, title, description, ...rows) {
  const panels = [];
  let y = 0;
  for (const { title: heading, panels: inRow } of rows) {
    panels.push({ type: "row", title: heading, collapsed: false, panels: [], gridPos: { x: 0, y, w: WIDTH, h: 1 } });
    y += 1;
    let x = 0;
    let tallest = 0;
    for (const { width, height = HEIGHT, ...panel } of inRow) {
      if (x + width > WIDTH) {
        y += tallest;
        x = 0;
        tallest = 0;
      }
      panels.push({ ...panel, gridPos: { x, y, w: width, h: height } });
      x += width;
      tallest = Math.max(tallest, height);
    }
    y += tallest;
  }
  return {
    uid: `granary-${uid}`,
    title: `Granary / ${title}`,
    description,
    tags: ["granary"],
    schemaVersion: 39,
    version: 1,
    editable: false,
    timezone: "browser",
    refresh: "30s",
    time: { from: "now-6h", to: "now" },
    links: [{ type: "dashboards", title: "Granary", tags: ["granary"], asDropdown: true, keepTime: true }],
    templating: { list: [{ type: "datasource", name: "datasource", label: "Prometheus", query: "prometheus" }] },
    panels,
  };
}
