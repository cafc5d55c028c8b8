import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { CodedError } from "@granary/primitives";
import { startChild } from "./child-process.js";
import { plainEnv } from "./embedded-server.js";
import { findBinary, prometheusProgram } from "./find-binary.js";
import { freePort } from "./free-port.js";
import { poll } from "./poll.js";

export interface Prometheus {
  readonly url: string;
  /** GET below `/api/v1`. @throws CodedError PROMETHEUS_REFUSED (invalid) with what it says */
  ask<T>(path: string, query?: Readonly<Record<string, string>>): Promise<T>;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 10_000;
const ANSWER_TIMEOUT_MS = 30_000;

/** A real Prometheus on loopback; `config` is the text of its configuration file. */
export async function startPrometheus(options: {
  readonly dir: string;
  readonly config: string;
  readonly log?: (doing: string) => void;
}): Promise<Prometheus> {
  const { dir, config, log = () => undefined } = options;
  const binary = await findBinary(prometheusProgram, log);
  await mkdir(dir, { recursive: true });
  const configFile = join(dir, "prometheus.yml");
  await writeFile(configFile, config);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = [
    `--config.file=${configFile}`,
    `--storage.tsdb.path=${join(dir, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const child = await startChild({
    name: "prometheus",
    command: { file: binary.file, args, env: { ...plainEnv, ...binary.env }, cwd: dir },
    logFile: join(dir, "prometheus.log"),
    orphanSignal: "TERM",
  });
  const isReady = () =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  if (!(await poll(async () => child.exited() !== undefined || (await isReady()), START_TIMEOUT_MS, 100))) {
    await child.kill9();
  }
  if (child.exited() !== undefined) {
    throw new CodedError("SERVER_START_FAILED", "unavailable", `prometheus did not start\n${child.logTail()}`);
  }
  return {
    url,
    async ask<T>(path: string, query: Readonly<Record<string, string>> = {}) {
      const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(query)}`, {
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      });
      const answer = (await response.json()) as { status: string; data?: T; error?: string };
      if (answer.status !== "success") {
        throw new CodedError("PROMETHEUS_REFUSED", "invalid", `${path} ${JSON.stringify(query)}: ${answer.error}`);
      }
      return answer.data as T;
    },
    stop: async () => void (await child.stop("SIGTERM", STOP_GRACE_MS)),
  };
}

/** Looked for once by each process. */
let found: ReturnType<typeof findBinary> | undefined;

/** Runs promtool, which comes with Prometheus. @returns what it printed, and whether it was content */
export async function runPromtool(
  args: readonly string[],
  options: { readonly cwd: string; readonly input?: string },
): Promise<{ readonly isOk: boolean; readonly output: string }> {
  found ??= findBinary(prometheusProgram, () => undefined);
  const binary = await found;
  const running = promisify(execFile)(join(dirname(binary.file), "promtool"), args, {
    cwd: options.cwd,
    env: { ...plainEnv, ...binary.env },
  });
  running.child.stdin?.end(options.input ?? "");
  return running.then(
    ({ stdout, stderr }) => ({ isOk: true, output: stdout + stderr }),
    ({ stdout = "", stderr = "", message }) => ({ isOk: false, output: `${stdout}${stderr}` || message }),
  );
}
