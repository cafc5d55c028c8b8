// node scripts/generate-dashboards.mjs   writes infra/grafana/dashboards from infra/grafana/source
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { dashboardFiles, folder } from "./lib/dashboards.mjs";

for (const [name, text] of await dashboardFiles()) writeFileSync(join(folder, name), text);
