// pnpm bench                    every bench of the repository, with medians and ratios
// pnpm bench --list             their names, and what each measures
// pnpm bench --only PATTERN     those with a name, or a file, that contains PATTERN
// pnpm bench --json FILE        and writes [{ name, median, unit, ratio, runs }, …]
// Which files are benches, and how one is written: packages/bench/README.md.
import { fork } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { build } from "./lib/build.mjs";
import { ensureInstalled } from "./lib/install.mjs";
import { requireNode, root } from "./lib/root.mjs";
import { toolEnv } from "./lib/run.mjs";

const child = join(root, "scripts", "lib", "run-bench.mjs");

/** `bench/*.bench.ts` of every app and package. */
function benchFiles() {
  return ["packages", "apps"].flatMap((layer) =>
    readdirSync(join(root, layer))
      .sort()
      .map((name) => join(layer, name, "bench"))
      .filter((folder) => existsSync(join(root, folder)))
      .flatMap((folder) =>
        readdirSync(join(root, folder))
          .filter((name) => name.endsWith(".bench.ts"))
          .sort()
          .map((name) => join(folder, name)),
      ),
  );
}

/** Runs what matches in one file. Results go to `found`; false when a bench failed. */
function runFile(file, mode, only, found) {
  return new Promise((done) => {
    const program = fork(child, [file, mode, only], { cwd: root, env: toolEnv, stdio: "inherit" });
    const forward = (signal) => program.kill(signal);
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, forward);
    program.on("message", (result) => found.push(result));
    program.on("close", (code) => {
      for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, forward);
      done(code === 0);
    });
  });
}

requireNode();
const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    json: { type: "string" },
    list: { type: "boolean", default: false },
  },
});
if (!(await ensureInstalled()) || !(await build())) process.exit(1);
const results = [];
const failed = [];
for (const file of benchFiles()) {
  if (!(await runFile(file, values.list ? "list" : "run", values.only, results))) failed.push(file);
}
if (values.json !== undefined) writeFileSync(resolve(root, values.json), `${JSON.stringify(results, null, 2)}\n`);
for (const file of failed) console.error(`failed: ${file}`);
if (results.length === 0) console.error("no bench matches");
process.exitCode = failed.length > 0 || results.length === 0 ? 1 : 0;
