// docs/config.md says what the settings of the apps are now.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import "../lib/typescript.mjs";
import { configDocs } from "../lib/config-docs.mjs";
import { root } from "../lib/root.mjs";

const file = join(root, "docs", "config.md");
const written = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
const wanted = (await configDocs()).split("\n");
const length = Math.max(written.length, wanted.length);
const line = Array.from({ length }, (_, at) => at).find((at) => written[at] !== wanted[at]);
if (line !== undefined) {
  console.error(`docs/config.md is not what the settings say; run: node scripts/generate-config-docs.mjs`);
  console.error(`  line ${line + 1}: ${written[line] ?? "(ends)"}\n  should be: ${wanted[line] ?? "(end)"}`);
  process.exitCode = 1;
}
