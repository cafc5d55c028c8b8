import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type CellResult, runCell } from "./cell.js";
import { cellOf, type Planned, standardPlan } from "./plan.js";
import { type PolicyName, policyNames } from "./policy/index.js";
import { type Population, populations } from "./population.js";
import { measureRoster } from "./roster-cost.js";
import { jsonRow, subjectLine, tableHead, tableRow } from "./table.js";
import { judgeResults } from "./verdicts.js";

const help = `pnpm simulate                      the standard comparison: some minutes, on one core
pnpm simulate --json FILE          and writes one row per cell of the comparison of policies
pnpm simulate --only "1000 miners, load 0.05"
                                   the part of it whose heading begins with this
pnpm simulate --scale 4            everything four times as long
pnpm simulate --seed 7             other miners, other uploads
pnpm simulate --miners 1000 --load 0.3 --policy granary,storj-like --seconds 1200
                                   one comparison of your own; also --population ${populations.join("|")},
                                   --gateways N, --foreign (gateways read the chain's open deals), --segments N,
                                   --report-seconds 7, --poll-seconds 30, --finality-seconds 12`;

const options = {
  help: { type: "boolean", default: false },
  json: { type: "string" },
  seed: { type: "string", default: "1" },
  scale: { type: "string", default: "1" },
  only: { type: "string", default: "" },
  miners: { type: "string" },
  load: { type: "string", default: "0.1" },
  policy: { type: "string", default: policyNames.join(",") },
  population: { type: "string", default: "base" },
  gateways: { type: "string", default: "1" },
  foreign: { type: "boolean", default: false },
  segments: { type: "string", default: "1" },
  seconds: { type: "string", default: "900" },
  "report-seconds": { type: "string", default: "7" },
  "poll-seconds": { type: "string", default: "30" },
  "finality-seconds": { type: "string", default: "12" },
} as const;
type Values = ReturnType<typeof readArguments>;

const readArguments = (args: readonly string[]) => parseArgs({ args: [...args], options }).values;

function oneOf<T extends string>(names: readonly T[], text: string, what: string): T {
  const found = names.find((name) => name === text);
  if (found === undefined) throw new Error(`${what} is one of ${names.join(", ")}; "${text}" is none`);
  return found;
}

function numberOf(text: string, what: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`${what} must be a number, not "${text}"`);
  return value;
}

/** A comparison by the command line's own numbers. */
function ownPlan(values: Values): readonly Planned[] {
  const population: Population = oneOf(populations, values.population, "--population");
  const policies = values.policy.split(",").map((name): PolicyName => oneOf(policyNames, name, "--policy"));
  const miners = numberOf(values.miners ?? "", "--miners");
  const load = numberOf(values.load, "--load");
  return policies.map((policy) => ({
    title: `${miners} miners, load ${load}, population ${population}`,
    isComparison: true,
    cell: cellOf({
      miners,
      load,
      policy,
      population,
      seconds: numberOf(values.seconds, "--seconds"),
      gateways: numberOf(values.gateways, "--gateways"),
      readsForeignDeals: values.foreign,
      fragments: numberOf(values.segments, "--segments"),
      seed: numberOf(values.seed, "--seed"),
      reports: {
        pollSeconds: numberOf(values["poll-seconds"], "--poll-seconds"),
        secondsPerReport: numberOf(values["report-seconds"], "--report-seconds"),
        finalitySeconds: numberOf(values["finality-seconds"], "--finality-seconds"),
      },
    }),
  }));
}

function runPlan(plan: readonly Planned[]): CellResult[] {
  let title = "";
  return plan.map((planned) => {
    if (planned.title !== title) console.log(`\n${planned.title}\n${tableHead()}`);
    title = planned.title;
    const result = runCell(planned.cell, () => performance.now());
    console.log(tableRow(result));
    const about = subjectLine(result);
    if (about !== null) console.log(about);
    return result;
  });
}

function printMemory(): void {
  const bytesUsed = () => {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const collect = () => globalThis.gc?.();
  const { bytesPerMiner } = measureRoster(100_000, { collect, bytesUsed });
  console.log(`\nthe roster holds 100000 miners in ${bytesPerMiner.toFixed(0)} bytes each, names included`);
}

/** Returns the exit code: 1 where a claim is not met. */
function main(args: readonly string[]): number {
  const values = readArguments(args);
  if (values.help) {
    console.log(help);
    return 0;
  }
  const isStandard = values.miners === undefined;
  const scale = numberOf(values.scale, "--scale");
  const standard = standardPlan(numberOf(values.seed, "--seed"), scale);
  const plan = isStandard ? standard.filter(({ title }) => title.startsWith(values.only)) : ownPlan(values);
  if (plan.length === 0) throw new Error(`no part of the comparison begins with "${values.only}"`);
  const began = performance.now();
  const results = runPlan(plan);
  if (isStandard && values.only === "") printMemory();
  if (values.json !== undefined) {
    const rows = results.filter((_, i) => plan[i]?.isComparison === true).map(jsonRow);
    writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
  }
  const verdicts = isStandard ? judgeResults(results) : [];
  if (verdicts.length > 0) console.log("");
  for (const { claim, value, atMost, isMet } of verdicts) {
    console.log(
      `${isMet ? "met   " : "MISSED"} ${claim}: ${value === null ? "nothing was measured" : Number(value.toPrecision(3))}, at most ${atMost}`,
    );
  }
  console.log(`\n${((performance.now() - began) / 1000).toFixed(0)} s`);
  return verdicts.every(({ isMet }) => isMet) ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
