// docs/metrics.md says what the services measure now.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import "../lib/typescript.mjs";
import { metricsDocs } from "../lib/metrics-docs.mjs";
import { root } from "../lib/root.mjs";

const file = join(root, "docs", "metrics.md");
const written = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
const wanted = (await metricsDocs()).split("\n");
const length = Math.max(written.length, wanted.length);
const line = Array.from({ length }, (_, at) => at).find((at) => written[at] !== wanted[at]);
if (line !== undefined) {
  console.error("docs/metrics.md is not what the services measure; run: node scripts/generate-metrics-docs.mjs");
  console.error(`  line ${line + 1}: ${written[line] ?? "(ends)"}\n  should be: ${wanted[line] ?? "(end)"}`);
  process.exitCode = 1;
}
