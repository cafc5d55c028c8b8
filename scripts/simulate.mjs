// pnpm simulate: placement policies side by side, in simulated time. What it takes: pnpm simulate --help.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled } from "./lib/install.mjs";
import { requireNode, root } from "./lib/root.mjs";
import { toolEnv } from "./lib/run.mjs";

requireNode();
if (!(await ensureInstalled())) process.exit(1);
const program = spawn(
  process.execPath,
  [
    "--expose-gc",
    "--import",
    join(root, "scripts", "lib", "typescript.mjs"),
    join(root, "packages", "simulator", "src", "main.ts"),
    ...process.argv.slice(2),
  ],
  { stdio: "inherit", env: toolEnv },
);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => program.kill(signal));
program.on("close", (code) => {
  process.exitCode = code ?? 1;
});
