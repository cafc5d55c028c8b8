import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { parseQuery } from "../grafana/promql.js";
import { alerts, records } from "../grafana/queries.js";
import { families } from "../metrics/catalogue.js";

const root = join(import.meta.dirname, "..", "..");
const runbooks = join(root, "docs", "runbooks");
const pages = readdirSync(runbooks).filter((file) => file !== "README.md");
const read = (file: string) => readFileSync(file, "utf8");

interface RuleTest {
  readonly name: string;
  readonly alert_rule_test?: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
}
const ruleTests = readdirSync(join(import.meta.dirname, "tests")).flatMap(
  (file) => (parse(read(join(import.meta.dirname, "tests", file))) as { tests: readonly RuleTest[] }).tests,
);

/** Blocks of a page that are fenced as this language, line by line. */
const fenced = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))].flatMap(([, block]) =>
    (block ?? "").split("\n").filter((line) => line.trim() !== ""),
  );

describe("alerts", () => {
  it("are at least twenty, each with a name of its own, a severity and a summary", () => {
    expect(alerts.length).toBeGreaterThanOrEqual(20);
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    for (const { alert, labels, annotations } of alerts) {
      expect({ alert, severity: labels?.severity }).toEqual({
        alert,
        severity: expect.stringMatching(/^(critical|warning)$/),
      });
      expect({ alert, summary: annotations?.summary }).toEqual({ alert, summary: expect.stringMatching(/\w{3}/) });
    }
  });

  it("each have a test in which they fire, and one in which they do not", () => {
    for (const { alert } of alerts) {
      const expected = ruleTests.flatMap(({ alert_rule_test = [] }) =>
        alert_rule_test.filter(({ alertname }) => alertname === alert).map(({ exp_alerts }) => exp_alerts.length > 0),
      );
      expect({ alert, expected: expected.sort() }).toEqual({ alert, expected: [false, true] });
    }
  });

  it("each have a runbook, and each runbook has an alert", () => {
    for (const { alert, annotations } of alerts) {
      const file = `docs/runbooks/${alert.replace(/(?!^)([A-Z])/g, "-$1").toLowerCase()}.md`;
      expect({ alert, runbook: annotations?.runbook }).toEqual({ alert, runbook: file });
      expect({ file, isThere: existsSync(join(root, file)) }).toEqual({ file, isThere: true });
      expect(read(join(root, file)).split("\n")[0]).toBe(`# ${alert}`);
    }
    const named = new Set(alerts.map(({ annotations }) => annotations?.runbook?.split("/").at(-1)));
    expect(pages.filter((page) => !named.has(page))).toEqual([]);
    const index = read(join(runbooks, "README.md"));
    for (const page of pages) expect(index).toContain(`(${page})`);
  });
});

describe("runbooks", () => {
  const compose = parse(read(join(root, "docker-compose.yml")), { merge: true }) as { services: object };
  const commands = new Set(
    [...read(join(root, "apps", "cli", "src", "main.ts")).matchAll(/(?:\.command|withReason)\("([\w-]+)"/g)].map(
      ([, name]) => name,
    ),
  );
  const tables = schemaTables();

  it("give commands that exist", () => {
    const inText = (text: string) =>
      [...text.matchAll(/`((?:npx|docker|curl) [^`]+)`/g)].map(([, line]) => line as string);
    const lines = pages.flatMap((page) => {
      const text = read(join(runbooks, page));
      return [...fenced(text, "sh"), ...inText(text)].map((line) => ({ page, line }));
    });
    expect(lines.length).toBeGreaterThan(pages.length);
    const wrong = lines.filter(({ line }) => !isCommand(line));
    expect(wrong).toEqual([]);
  });

  it("ask for metrics that exist", () => {
    const known = new Set([...families.keys(), ...records.map(({ record }) => record)]);
    const wrong = pages.flatMap((page) =>
      fenced(read(join(runbooks, page)), "promql").flatMap((expr) =>
        parseQuery(expr).selectors.flatMap(({ metric }) =>
          known.has(metric) || known.has(metric.replace(/_(bucket|sum|count)$/, "")) ? [] : [`${page}: ${metric}`],
        ),
      ),
    );
    expect(wrong).toEqual([]);
  });

  it("name settings that exist", () => {
    const settings = read(join(root, "docs", "config.md"));
    for (const page of pages) {
      const names = [
        ...read(join(runbooks, page)).matchAll(/`([A-Z]+_(?:JOBS|THREADS|CONCURRENCY|BUFFERS|BYTES|AFTER|POOL|URL))`/g),
      ];
      const missing = names.map(([, name]) => name as string).filter((name) => !settings.includes(`\`${name}\``));
      expect({ page, missing }).toEqual({ page, missing: [] });
    }
  });

  it("are seen when a command does not exist", () => {
    expect(isCommand("npx granary miners")).toBe(true);
    for (const line of [
      "npx granary fix",
      "npx granary miners mend",
      "docker compose logs nobody",
      "granaryctl repair",
      "docker compose mend scheduler",
    ]) {
      expect({ line, isCommand: isCommand(line) }).toEqual({ line, isCommand: false });
    }
    const ask = (sql: string) => `docker compose exec postgres psql -U granary -d granary -c "${sql}"`;
    expect(isCommand(ask("SELECT id FROM ingest.upload"))).toBe(true);
    expect(isCommand(ask("SELECT id FROM ingest.uploads"))).toBe(false);
    expect(isCommand(ask("SELECT no_such_column FROM ingest.upload"))).toBe(false);
  });

  function isCommand(line: string): boolean {
    const words = line.split(/\s+/);
    if (line.startsWith("npx granary ")) {
      return words.slice(2, 4).every((word) => commands.has(word) || (word !== words[2] && !/^[a-z]/.test(word)));
    }
    if (line.startsWith("curl -s http://127.0.0.1:8080/")) return true;
    if (line === "docker stats --no-stream" || line === "docker compose ps" || line === "docker compose up -d")
      return true;
    if (words[0] !== "docker" || words[1] !== "compose") return false;
    if (!["logs", "restart", "exec"].includes(words[2] ?? "")) return false;
    const service = words.slice(3).find((word) => !word.startsWith("-") && !/^\d+m$/.test(word)) ?? "";
    if (!(service in compose.services)) return false;
    const sql = / -c "(.*)"$/.exec(line)?.[1];
    return sql === undefined || isQuery(sql);
  }

  /** Tables of ours are in the schema, with the columns that the query names. */
  function isQuery(sql: string): boolean {
    const table = /FROM (\w+\.\w+)/.exec(sql)?.[1];
    if (table === undefined) return /FROM pg_\w+/.test(sql);
    const columns = tables.get(table);
    if (columns === undefined) return false;
    const words = sql.replaceAll(/'[^']*'/g, "").matchAll(/\b[a-z_]{2,}\b/g);
    const ours = [...words].map(([word]) => word).filter((word) => !table.split(".").includes(word));
    return ours.filter((word) => !["count", "max", "left", "now"].includes(word)).every((word) => columns.has(word));
  }
});

/** `schema.table` → its columns, from the Prisma schema. */
function schemaTables(): ReadonlyMap<string, ReadonlySet<string>> {
  const folder = join(root, "packages", "database", "prisma", "schema");
  const text = readdirSync(folder)
    .map((file) => read(join(folder, file)))
    .join("\n");
  const models = [...text.matchAll(/^model \w+ \{([\s\S]*?)^\}/gm)].map(([, body]) => body ?? "");
  return new Map(
    models.map((body) => {
      const table = `${/@@schema\("(\w+)"\)/.exec(body)?.[1]}.${/@@map\("(\w+)"\)/.exec(body)?.[1]}`;
      const fields = [...body.matchAll(/^ {2}(\w+)\s+\w+[^\n]*/gm)];
      return [table, new Set(fields.map(([line, name]) => /@map\("(\w+)"\)/.exec(line)?.[1] ?? (name as string)))];
    }),
  );
}
