import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./root.mjs";

const folder = join(root, "infra", "kubernetes");
export const overlays = ["dev", "prod"];
export const renderedFile = (overlay) => join(folder, "rendered", `${overlay}.yaml`);

/** SHA-256 of all that an overlay is rendered from. */
export function inputsDigest(overlay) {
  const hash = createHash("sha256");
  for (const part of ["base", join("overlays", overlay)]) {
    for (const name of readdirSync(join(folder, part)).sort()) {
      hash.update(`${part}/${name}\n`).update(readFileSync(join(folder, part, name)));
    }
  }
  return hash.digest("hex");
}

/** What kustomize makes of an overlay; undefined without a kubectl that is new enough for `patches` with targets. */
export function render(overlay) {
  const version = spawnSync("kubectl", ["version", "--client", "-o", "json"], { encoding: "utf8" });
  if (version.status !== 0 || !JSON.parse(version.stdout).kustomizeVersion?.startsWith("v5")) return undefined;
  const made = spawnSync("kubectl", ["kustomize", join(folder, "overlays", overlay)], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(made.stderr);
  const head = `# Rendered by \`node scripts/render-kubernetes.mjs\` from inputs with SHA-256\n# ${inputsDigest(overlay)}\n`;
  return head + made.stdout;
}
