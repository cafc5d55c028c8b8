import { spawn } from "node:child_process";
import { delimiter, dirname, join } from "node:path";
import { root } from "./root.mjs";

const forwarded = ["SIGINT", "SIGTERM"];

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

/**
 * Runs a tool in the repository's root and returns its exit code; 127 when it cannot be run. Its output is shown, or,
 * for one that only matters when it fails, kept back until it does.
 */
export function run(file, args, { onlyFailure = false } = {}) {
  return new Promise((resolve) => {
    const output = onlyFailure ? "pipe" : "inherit";
    const child = spawn(file, args, { cwd: root, env: toolEnv, stdio: ["ignore", output, output] });
    const kept = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => kept.push(chunk));
    const forward = (signal) => child.kill(signal);
    for (const signal of forwarded) process.on(signal, forward);
    const finish = (code) => {
      for (const signal of forwarded) process.off(signal, forward);
      if (code !== 0) process.stdout.write(Buffer.concat(kept));
      resolve(code);
    };
    child.on("error", (error) => {
      console.error(`${file}: ${error.message}`);
      finish(127);
    });
    child.on("close", (code, signal) => finish(code ?? (signal === "SIGINT" ? 130 : 143)));
  });
}
