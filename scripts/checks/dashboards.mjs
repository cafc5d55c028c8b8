// infra/grafana/dashboards has what infra/grafana/source says, and nothing else.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dashboardFiles, folder } from "../lib/dashboards.mjs";

const wanted = await dashboardFiles();
const isSame = (name) =>
  existsSync(join(folder, name)) && readFileSync(join(folder, name), "utf8") === wanted.get(name);
const stale = [...wanted.keys()].filter((name) => !isSame(name));
const foreign = readdirSync(folder).filter((name) => !wanted.has(name));
if (stale.length + foreign.length > 0) {
  console.error(`infra/grafana/dashboards: not what the source says: ${[...stale, ...foreign].join(", ")}`);
  console.error("run: node scripts/generate-dashboards.mjs");
  process.exitCode = 1;
}
