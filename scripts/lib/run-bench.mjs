// node run-bench.mjs FILE list|run PATTERN: the benches of one file; each result is sent to the parent process.
import "./typescript.mjs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [file, mode, only] = process.argv.slice(2);
const { runBench } = await import("../../packages/bench/src/index.ts");
const found = (await import(pathToFileURL(resolve(file)).href)).default;
const benches = [found].flat();

const digits = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));
const line = ({ name, median, unit, ratio, runs }) =>
  [
    name.padEnd(44),
    `${digits(median)} ${unit}`.padStart(16),
    `${digits(Math.min(...runs))} … ${digits(Math.max(...runs))}, n ${runs.length}`.padStart(24),
    ratio === null || unit === "ratio" ? "" : `ratio ${digits(ratio)}`.padStart(12),
  ].join("  ");

for (const bench of benches) {
  if (!file.includes(only) && !bench.names.some((name) => name.includes(only))) continue;
  if (mode === "list") {
    for (const name of bench.names) process.send?.({ name });
    console.log(`${bench.names.join("\n")}\n    ${bench.about}  (${file})\n`);
    continue;
  }
  console.log(`\n${bench.about}  (${file})`);
  const report = (result) => {
    console.log(line(result).trimEnd());
    process.send?.(result);
  };
  try {
    await runBench(bench, { result: report, say: (text) => console.log(`  ${text}`) });
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
}
process.disconnect?.();
