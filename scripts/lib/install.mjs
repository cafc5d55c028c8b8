import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { manifest, root } from "./root.mjs";
import { run } from "./run.mjs";

const stampFile = join(root, "node_modules", ".granary-installed");
const installArgs = ["install", "--frozen-lockfile", "--prefer-offline", "--reporter=append-only"];

/**
 * Brings node_modules to what the lock file says, and remembers it: the next call neither starts pnpm nor needs a
 * network. Returns true when all is there.
 */
export async function ensureInstalled() {
  const wanted = stamp();
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === wanted) return true;
  const [file, args] = pnpmCommand();
  const code = await run(file, [...args, ...installArgs]);
  if (code !== 0) {
    console.error("Packages could not be installed. The first start needs the npm registry.");
    return false;
  }
  writeFileSync(stampFile, wanted);
  return true;
}

/** Packages differ between platforms, so a folder carried to another machine is not taken for installed. */
function stamp() {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "pnpm-lock.yaml")))
    .digest("hex");
  return `${lock} ${process.platform}-${process.arch}\n`;
}

/** The pnpm that this repository pins: the one installed before, else through npm, which comes with Node. */
function pnpmCommand() {
  const pinned = manifest.packageManager;
  const installed = join(root, "node_modules", "pnpm");
  if (existsSync(join(installed, "package.json"))) {
    const { name, version, bin } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    if (`${name}@${version}` === pinned) return [process.execPath, [join(installed, bin.pnpm)]];
  }
  const npmExec = ["exec", "--yes", `--package=${pinned}`, "--", "pnpm"];
  const npmCli = process.env.npm_execpath;
  return npmCli !== undefined && basename(npmCli) === "npm-cli.js"
    ? [process.execPath, [npmCli, ...npmExec]]
    : ["npm", npmExec];
}
