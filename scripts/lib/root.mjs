// Everything in scripts/ runs before anything is installed: nothing but Node's own modules here.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Ends the process when this Node is too old for what follows. */
export function requireNode() {
  const [needMajor, needMinor] = manifest.engines.node.match(/\d+/g).map(Number);
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
  console.error(`Granary needs Node ${manifest.engines.node}; this is ${process.versions.node} (${process.execPath})`);
  process.exit(1);
}
