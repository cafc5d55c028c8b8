import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { CodedError, MiB } from "@granary/primitives";
import { forget, type OrphanSignal, watch } from "./watchdog.js";

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** The whole environment of the child: nothing is inherited, so no secret of ours leaks into a server. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly uid?: number;
  readonly gid?: number;
}

export interface ChildOptions {
  readonly name: string;
  readonly command: Command;
  /** Output is appended here. */
  readonly logFile: string;
  /** How the child is ended when this process dies without stopping it. */
  readonly orphanSignal: OrphanSignal;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  /** Resolves when the process has ended; never rejects. */
  readonly exit: Promise<ChildExit>;
  /** How it ended; undefined while it runs. */
  exited(): ChildExit | undefined;
  /** Sends the signal, and SIGKILL to a process that is still there when the grace is over. */
  stop(signal: NodeJS.Signals, graceMs: number): Promise<ChildExit>;
  kill9(): Promise<ChildExit>;
  /** What this process wrote last. */
  logTail(lines?: number): string;
}

const LOG_BYTES_KEPT = 16 * MiB;
const TAIL_BYTES = 8192;

/** @throws CodedError PROCESS_NOT_STARTED (unavailable) when the program cannot be run at all */
export async function startChild(options: ChildOptions): Promise<Child> {
  const logStart = openLog(options.logFile);
  const log = openSync(options.logFile, "a");
  const { file, args, env, cwd, uid, gid } = options.command;
  const child = spawn(file, args, {
    cwd,
    env,
    stdio: ["ignore", log, log],
    // Ctrl-C reaches a whole process group: the supervisor alone must get it, to stop things in order.
    detached: true,
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  closeSync(log);
  const pid = await startedPid(child, options);
  watch(pid, options.orphanSignal);
  let ended: ChildExit | undefined;
  const exit = once(child, "exit").then(([code, signal]: unknown[]) => {
    forget(pid);
    ended = { code: code as number | null, signal: signal as NodeJS.Signals | null };
    return ended;
  });
  return {
    pid,
    exit,
    exited: () => ended,
    stop: (signal, graceMs) => stopChild(child, exit, signal, graceMs),
    kill9: () => stopChild(child, exit, "SIGKILL", 0),
    logTail: (lines = 12) => tail(options.logFile, logStart, lines),
  };
}

export function describeExit(exit: ChildExit): string {
  return exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
}

async function startedPid(child: ChildProcess, options: ChildOptions): Promise<number> {
  try {
    await once(child, "spawn");
  } catch (cause) {
    const message = `${options.name}: ${options.command.file} could not be run: ${(cause as Error).message}`;
    throw new CodedError("PROCESS_NOT_STARTED", "unavailable", message, { name: options.name }, { cause });
  }
  return child.pid as number;
}

async function stopChild(
  child: ChildProcess,
  exit: Promise<ChildExit>,
  signal: NodeJS.Signals,
  graceMs: number,
): Promise<ChildExit> {
  child.kill(signal);
  if (signal === "SIGKILL") return exit;
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  try {
    return await exit;
  } finally {
    clearTimeout(timer);
  }
}

/** Puts a log that has grown too long aside (one generation is kept) and returns where new output will begin. */
function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  if (!existsSync(file)) return 0;
  const { size } = statSync(file);
  if (size <= LOG_BYTES_KEPT) return size;
  renameSync(file, `${file}.old`);
  return 0;
}

function tail(file: string, from: number, lines: number): string {
  try {
    const text = readFileSync(file).subarray(from);
    return text
      .subarray(Math.max(0, text.length - TAIL_BYTES))
      .toString("utf8")
      .trimEnd()
      .split("\n")
      .slice(-lines)
      .join("\n");
  } catch {
    return "";
  }
}
