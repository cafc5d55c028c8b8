// The running network, scraped by a real Prometheus: what dashboards and rules ask is there, and what the services say
// is what the catalogue of their metrics says.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Stage, setStage } from "../../../apps/cli/test/harness.js";
import { MiB } from "../../../packages/primitives/src/unit.js";
import { poll } from "../../../packages/testnet/src/server/poll.js";
import { type Prometheus, runPromtool, startPrometheus } from "../../../packages/testnet/src/server/prometheus.js";
import { catalogue, families } from "../../metrics/catalogue.js";
import { withoutVariables } from "../promql.js";
import { alerts, panelQueries, records } from "../queries.js";

/** Panels that show nothing here, by their title, with the reason. */
const mayBeEmpty: Readonly<Record<string, string>> = {
  "Comparing everything, 95 %": "the tables are compared with the whole chain every few hours",
  "Refused, 1 h": "no round of choosing found too few miners",
  "Resting, by failure": "no miner failed",
  "Failed steps": "no loop failed",
  "Failures, 24 h": "no miner failed to serve a fragment",
  "Refusals, 24 h": "no upload was refused",
  Errors: "no encoding failed",
  "gRPC call, 95 %": "nobody calls over gRPC",
};

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}
interface RuleGroup {
  readonly rules: readonly { readonly name: string; readonly health: string; readonly lastError?: string }[];
}

/** All that happens in this test lies in one interval. */
const RATE_INTERVAL = "5m";
const FILE_BYTES = 40 * MiB + 1;

describe("dashboards and rules, on the running network", () => {
  let stage: Stage;
  let prometheus: Prometheus;
  const urlOf = (service: string) => {
    const { services, urls } = stage.network;
    return service === "storage-miner" ? urls.minerControl : services[service as keyof typeof services].url;
  };
  const ask = async (expr: string): Promise<readonly Series[]> =>
    (await prometheus.ask<{ result: readonly Series[] }>("query", { query: withoutVariables(expr, RATE_INTERVAL) }))
      .result;
  const isSeen = (expr: string) => poll(async () => (await ask(expr)).length > 0, 120_000, 250);

  beforeAll(async () => {
    stage = await setStage("dashboards", { minerCount: 13 });
    const targets = catalogue.map(({ service }) => new URL(urlOf(service)).host);
    prometheus = await startPrometheus({
      dir: join(stage.folder, "prometheus"),
      config: JSON.stringify({
        global: { scrape_interval: "2s", scrape_timeout: "2s", evaluation_interval: "2s" },
        rule_files: [join(import.meta.dirname, "..", "..", "prometheus", "rules", "*.yml")],
        scrape_configs: [{ job_name: "granary", static_configs: [{ targets }] }],
      }),
    });
    // From here on Prometheus sees numbers grow.
    expect(await isSeen(`count(up{job="granary"} == 1) == ${targets.length}`)).toBe(true);
    const file = await stage.makeFile("shown", FILE_BYTES);
    const { fid } = await stage.waitFor(await stage.send(file), "active");
    expect(await stage.comesBack(fid as string, file)).toBe(true);
    expect(await stage.comesBack(fid as string, file)).toBe(true);
    expect(await stage.nothingStaged()).toBe(true);
    expect(await isSeen('sum(granary_retrieval_reads_total{outcome="ok"}) > 1')).toBe(true);
    expect(await isSeen('granary_ingest_upload_stage_seconds_count{stage="active"} > 0')).toBe(true);
    expect(await isSeen("granary:cache_hits:ratio_rate5m")).toBe(true);
    expect(await isSeen("granary_scheduler_fees_tokens_total > 0")).toBe(true);
  });
  afterAll(async () => {
    await prometheus?.stop();
    await stage?.close();
  });

  it("every service has the metrics of the catalogue, in names and units as Prometheus wants them, and no others", async () => {
    for (const { service, families } of catalogue) {
      const text = await (await fetch(`${urlOf(service)}/metrics`)).text();
      const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name as string);
      expect({ service, names: names.sort() }).toEqual({ service, names: families.map(({ name }) => name).sort() });
      expect({ service, ...(await runPromtool(["check", "metrics"], { cwd: stage.folder, input: text })) }).toEqual({
        service,
        isOk: true,
        output: "",
      });
    }
  });

  it("no series has a label with a value that was not declared, or that names a file, a miner or an address", async () => {
    const own = ["instance", "job", "__name__", "le", "quantile"];
    const series = await ask('{job="granary"}');
    expect(series.length).toBeGreaterThan(500);
    for (const { metric } of series) {
      const labels = families.get(metric.__name__ ?? "")?.labels ?? {};
      for (const [label, value] of Object.entries(metric).filter(([name]) => !own.includes(name))) {
        expect(`${metric.__name__} ${label}=${value}`).not.toMatch(
          /=([0-9a-f]{32,}|.*:\/\/.*|[1-9A-HJ-NP-Za-km-z]{46,})$/,
        );
        const values = labels[label] ?? [];
        const isDeclared = values.length === 0 || values.includes("any") || values.includes(value);
        expect({ name: metric.__name__, label, value, isDeclared }).toMatchObject({ isDeclared: true });
      }
    }
  });

  it("every query of every dashboard is answered, and none is empty without a reason", async () => {
    const empty: string[] = [];
    for (const { where, expr } of panelQueries) {
      const result = await ask(expr);
      if (!result.some(({ value }) => value[1] !== "NaN")) empty.push(where);
    }
    const reasonOf = (where: string) => mayBeEmpty[where.replace(/^\S+: /, "")];
    expect(empty.filter((where) => reasonOf(where) === undefined)).toEqual([]);
    const shown = panelQueries.map(({ where }) => where.replace(/^\S+: /, ""));
    expect(Object.keys(mayBeEmpty).filter((title) => !shown.includes(title))).toEqual([]);
  });

  it("every rule is evaluated without an error, every recorded series is there, and no alert fires", async () => {
    const { groups } = await prometheus.ask<{ groups: readonly RuleGroup[] }>("rules");
    const evaluated = groups.flatMap((group) => group.rules);
    expect(evaluated.map(({ name }) => name).sort()).toEqual(
      [...alerts.map(({ alert }) => alert), ...records.map(({ record }) => record)].sort(),
    );
    expect(evaluated.filter(({ health, lastError }) => health !== "ok" || lastError)).toEqual([]);
    for (const { record } of records)
      expect({ record, isThere: await isSeen(record) }).toEqual({ record, isThere: true });
    expect((await ask('ALERTS{alertstate="firing"}')).map(({ metric }) => metric.alertname)).toEqual([]);
  });

  it("a query of what is not there would be noticed", async () => {
    expect(await ask("granary_no_such_total")).toEqual([]);
    await expect(ask("sum(rate(granary_http_requests_total))")).rejects.toMatchObject({ code: "PROMETHEUS_REFUSED" });
  });
});
