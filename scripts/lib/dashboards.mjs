import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./root.mjs";

export const folder = join(root, "infra", "grafana", "dashboards");

/** File name → text, from infra/grafana/source. */
export async function dashboardFiles() {
  const { dashboards } = await import(pathToFileURL(join(root, "infra", "grafana", "source", "index.mjs")).href);
  return new Map(Object.entries(dashboards).map(([name, dashboard]) => [`${name}.json`, formatted(dashboard)]));
}

function formatted(value) {
  const biome = join(root, "node_modules", ".bin", "biome");
  const args = ["format", "--stdin-file-path=dashboard.json"];
  return execFileSync(biome, args, { cwd: root, input: JSON.stringify(value), encoding: "utf8", maxBuffer: 1 << 26 });
}
