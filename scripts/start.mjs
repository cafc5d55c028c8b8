// npm start [-- granary up's own arguments]: installs, builds, then `granary up --demo` in this same process, so that
// signals and the exit code are its own.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "./lib/build.mjs";
import { ensureInstalled } from "./lib/install.mjs";
import { requireNode, root } from "./lib/root.mjs";
import { stage } from "./lib/stage.mjs";

requireNode();
if (!(await stage("install", ensureInstalled))) process.exit(1);
if (!(await stage("build", build))) process.exit(1);

// npm runs scripts in the repository's root; file names are meant where the user stands.
if (process.env.npm_lifecycle_event !== undefined && process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);
const cli = join(root, "apps", "cli", "dist", "main.js");
// The network's data stays in the repository, wherever the user stands.
process.argv = [process.execPath, cli, "up", "--demo", "--dir", join(root, ".granary"), ...process.argv.slice(2)];
process.setSourceMapsEnabled(true);
await import(pathToFileURL(cli).href);
