import { spawn } from "node:child_process";
import { delimiter, dirname, join } from "node:path";
import { root } from "./root.mjs";

/** The environment for tools of the repository: ours first on PATH, none of them phones home or asks questions. */
export const toolEnv = {
  ...process.env,
  PATH: [join(root, "node_modules", ".bin"), dirname(process.execPath), process.env.PATH].join(delimiter),
  CI: process.env.CI ?? "1",
  DO_NOT_TRACK: "1",
  TURBO_TELEMETRY_DISABLED: "1",
  TURBO_NO_UPDATE_NOTIFIER: "1",
  CHECKPOINT_DISABLE: "1",
  PRISMA_HIDE_UPDATE_MESSAGE: "1",
  // Prisma downloads its schema engine before every command, also before those that do not use it, unless it is
  // told where one is. Nothing here needs the engine: migrations are applied by packages/database.
  PRISMA_SCHEMA_ENGINE_BINARY: "/bin/true",
};

/** Runs a tool in the repository's root with its output shown. Returns its exit code; 127 when it cannot be run. */
export function run(file, args, { quiet = false } = {}) {
  return new Promise((resolve) => {
    const output = quiet ? "ignore" : "inherit";
    const child = spawn(file, args, { cwd: root, env: toolEnv, stdio: ["ignore", output, output] });
    const forward = (signal) => child.kill(signal);
    const stopForwarding = () => {
      for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, forward);
    };
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, forward);
    child.on("error", (error) => {
      stopForwarding();
      console.error(`${file}: ${error.message}`);
      resolve(127);
    });
    child.on("exit", (code, signal) => {
      stopForwarding();
      resolve(code ?? (signal === "SIGINT" ? 130 : 143));
    });
  });
}
