// node scripts/generate-performance-docs.mjs RESULTS.json…: writes what `pnpm bench --json` measured, and the kind of this
// machine, between the two marks in docs/performance.md. Of several files, a later one replaces results of the same name.
// To be run on the machine that measured.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { root } from "./lib/root.mjs";

const page = join(root, "docs", "performance.md");
const [begin, end] = ["<!-- results: generated -->", "<!-- end of results -->"];

/** Instructions that decide how fast hashing and coding are. */
const telling = ["ssse3", "avx2", "avx512bw", "gfni", "sha_ni"];

function machine() {
  const info = readFileSync("/proc/cpuinfo", "utf8");
  const flags = new Set(/^flags\s*:\s*(.*)$/m.exec(info)?.[1]?.split(" "));
  const [has, lacks] = [telling.filter((flag) => flags.has(flag)), telling.filter((flag) => !flags.has(flag))];
  const isVirtual = flags.has("hypervisor") ? ", virtual" : "";
  return [
    `${cpus().length} cores${isVirtual} (${cpus()[0].model.replace(/\s+/g, " ").trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB,`,
    `Node ${process.versions.node}, OpenSSL ${process.versions.openssl};`,
    `it has ${has.join(", ")}, and not ${lacks.join(", ")}.`,
  ].join(" ");
}

const digits = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString());

function table(results) {
  const rows = results.map(({ name, median, unit, runs }) => {
    const range = runs.length > 1 ? `${digits(Math.min(...runs))} … ${digits(Math.max(...runs))}` : "";
    return [`\`${name}\``, digits(median), unit, range, String(runs.length)];
  });
  const head = ["name", "median", "unit", "least … most", "runs"];
  const widths = head.map((cell, i) => Math.max(...[head, ...rows].map((row) => row[i].length), cell.length));
  const line = (row) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
}

const results = new Map();
for (const file of process.argv.slice(2)) {
  for (const result of JSON.parse(readFileSync(resolve(file), "utf8"))) results.set(result.name, result);
}
if (results.size === 0) throw new Error("no results were given");
const text = readFileSync(page, "utf8");
const [before, after] = [text.split(begin)[0], text.split(end)[1]];
if (after === undefined) throw new Error(`${page} has lost its marks`);
const made = `${begin}\n\nMeasured on ${machine()}\n\n${table([...results.values()])}\n\n${end}`;
writeFileSync(page, `${before}${made}${after}`);
