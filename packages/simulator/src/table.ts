import type { CellResult } from "./cell.js";

const NOTHING = "–";
const seconds = (value: number | null): string => value?.toFixed(value < 100 ? 1 : 0) ?? NOTHING;
const micros = ({ p50, p99 }: { readonly p50: number | null; readonly p99: number | null }): string =>
  p50 === null || p99 === null ? NOTHING : `${p50.toFixed(0)}/${p99.toFixed(0)} µs`;
const percent = (value: number): string => `${(value * 100).toFixed(2)} %`;

const columns: readonly [title: string, width: number, text: (result: CellResult) => string][] = [
  ["policy", -11, ({ cell }) => cell.policy],
  ["placed p50/p95/p99", 19, ({ outcome: { placed: p } }) => [p.p50, p.p95, p.p99].map(seconds).join("/")],
  ["active p50/p95/p99", 20, ({ outcome: { active: a } }) => [a.p50, a.p95, a.p99].map(seconds).join("/")],
  ["files", 7, ({ outcome }) => String(outcome.files)],
  ["open", 5, ({ outcome }) => String(outcome.unfinished)],
  ["failed", 8, ({ outcome }) => percent(outcome.failures)],
  ["waste", 7, ({ outcome }) => percent(outcome.hedgeWaste)],
  ["false", 7, ({ outcome }) => percent(outcome.falseRedispatch)],
  ["Gini", 6, ({ outcome }) => outcome.gini.toFixed(3)],
  ["viol", 6, ({ outcome }) => String(outcome.diversityViolations)],
  ["relaxed", 8, ({ outcome }) => String(outcome.relaxations)],
  ["decision p50/p99", 18, ({ outcome }) => micros(outcome.decisionMicros)],
  ["trace", 17, ({ traceHash }) => traceHash],
];

const pad = (text: string, width: number): string => (width < 0 ? text.padEnd(-width) : text.padStart(width));

export const tableHead = (): string => columns.map(([title, width]) => pad(title, width)).join(" ");
export const tableRow = (result: CellResult): string =>
  columns.map(([, width, text]) => pad(text(result), width)).join(" ");

/** What the population is about: how much still went to those miners, and how soon that changed. */
export function subjectLine({ cell, outcome }: CellResult): string | null {
  if (cell.population === "base" || cell.population === "flaky" || cell.population === "liars") return null;
  const share = `            its miners took ${percent(outcome.subjectShare)} of the columns`;
  if (cell.population !== "turncoats") return share;
  const { detectMinutes, forgiveMinutes } = turningTimes(outcome.picksPerMinute.subject, cell.seconds / 60);
  const minutes = (value: number | null) => (value === null ? "not in this run" : `${value} min`);
  return `${share}; 95 % fewer ${minutes(detectMinutes)} after they began to lie, half again ${minutes(forgiveMinutes)} after they were mended`;
}

/** Turncoats lie from a third to half of the run. */
function turningTimes(subject: readonly number[], runMinutes: number) {
  const turn = Math.floor(runMinutes / 3);
  const mended = Math.floor(runMinutes / 2);
  const before = subject.slice(Math.floor(turn / 2), turn);
  const usual = before.reduce((sum, one) => sum + one, 0) / Math.max(1, before.length);
  const firstAfter = (minute: number, isSo: (picks: number) => boolean): number | null => {
    for (let at = minute; at < runMinutes; at += 1) if (isSo(subject[at] ?? 0)) return at - minute;
    return null;
  };
  return {
    detectMinutes: firstAfter(turn, (picks) => picks <= 0.05 * usual),
    forgiveMinutes: firstAfter(mended, (picks) => picks >= 0.5 * usual),
  };
}

/** One row of `--json`: seconds and shares; null where nothing was measured. */
export const jsonRow = ({ cell, outcome }: CellResult) => ({
  miners: cell.miners,
  load: cell.load,
  policy: cell.policy,
  placedP50: outcome.placed.p50,
  placedP95: outcome.placed.p95,
  placedP99: outcome.placed.p99,
  activeP50: outcome.active.p50,
  activeP95: outcome.active.p95,
  activeP99: outcome.active.p99,
  gini: outcome.gini,
  hedgeWaste: outcome.hedgeWaste,
  falseRedispatch: outcome.falseRedispatch,
  failures: outcome.failures,
  diversityViolations: outcome.diversityViolations,
});
