import { join } from "node:path";
import { CodedError } from "@granary/primitives";
import { type Child, type ChildExit, describeExit, startChild } from "./server/child-process.js";
import { poll } from "./server/poll.js";

export interface NodeProcessOptions {
  readonly name: string;
  /** JavaScript file that node runs. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly nodeArgs?: readonly string[];
  /** Added to a minimal environment; what else the supervisor has in its own stays there. */
  readonly env: Readonly<Record<string, string>>;
  /** Its log is `logs/<name>.log` in this folder. */
  readonly dir: string;
  readonly cwd?: string;
  /** Loopback port of its HTTP face. */
  readonly port: number;
  readonly readyPath?: string;
  readonly readyTimeoutMs?: number;
  readonly graceMs?: number;
  /** Called when it ends without having been told to. */
  readonly onCrash?: (exit: ChildExit, logTail: string) => void;
}

/** One service of the network under supervision. */
export interface NodeProcess {
  readonly name: string;
  /** Undefined while it is stopped. */
  readonly pid: number | undefined;
  readonly url: string;
  readonly logFile: string;
  /** Starts it, if it does not run, and waits until it is ready. */
  start(): Promise<void>;
  /** SIGTERM, then SIGKILL when the grace is over. Says how it ended; undefined if it did not run. */
  stop(): Promise<ChildExit | undefined>;
  kill9(): Promise<void>;
  restart(): Promise<void>;
  /** Like start(), without waiting: a network starts many at once. */
  launch(): Promise<void>;
  /** @throws CodedError SERVICE_START_FAILED (unavailable) when it ends or the time is over before it is ready */
  ready(): Promise<void>;
}

const READY_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 15_000;
const READY_POLL_MS = 50;
const inherited = ["PATH", "HOME", "USER", "TMPDIR", "LANG", "LC_ALL", "TZ", "NODE_ENV", "NODE_EXTRA_CA_CERTS"];

/** Starts a service and waits until it is ready. */
export async function startNodeProcess(options: NodeProcessOptions): Promise<NodeProcess> {
  const started = superviseNodeProcess(options);
  await started.start();
  return started;
}

/** A service that is not started yet. */
export function superviseNodeProcess(options: NodeProcessOptions): NodeProcess {
  return new SupervisedProcess(options);
}

class SupervisedProcess implements NodeProcess {
  private child: Child | undefined;

  constructor(private readonly options: NodeProcessOptions) {}

  get name(): string {
    return this.options.name;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get url(): string {
    return `http://127.0.0.1:${this.options.port}`;
  }

  get logFile(): string {
    return join(this.options.dir, "logs", `${this.name}.log`);
  }

  async start(): Promise<void> {
    await this.launch();
    try {
      await this.ready();
    } catch (thrown) {
      await this.kill9();
      throw thrown;
    }
  }

  async launch(): Promise<void> {
    if (this.child !== undefined) return;
    const { script, args = [], nodeArgs = [], env, cwd, dir } = this.options;
    const child = await startChild({
      name: this.name,
      command: {
        file: process.execPath,
        args: ["--enable-source-maps", ...nodeArgs, script, ...args],
        env: { ...pick(process.env, inherited), ...env },
        cwd: cwd ?? dir,
      },
      logFile: this.logFile,
      orphanSignal: "TERM",
    });
    this.child = child;
    void child.exit.then((exit) => {
      if (this.child !== child) return;
      this.child = undefined;
      this.options.onCrash?.(exit, child.logTail());
    });
  }

  async ready(): Promise<void> {
    const child = this.child;
    const timeoutMs = this.options.readyTimeoutMs ?? READY_TIMEOUT_MS;
    const readyUrl = `${this.url}${this.options.readyPath ?? "/ready"}`;
    const isDecided = async () => child === undefined || child.exited() !== undefined || (await answersOk(readyUrl));
    const decided = await poll(isDecided, timeoutMs, READY_POLL_MS);
    const exit = child?.exited();
    if (decided && child !== undefined && exit === undefined) return;
    const how =
      exit === undefined ? (decided ? "not running" : `not ready within ${timeoutMs / 1000} s`) : describeExit(exit);
    const message = `${this.name}: ${how}; log ${this.logFile}\n${child?.logTail() ?? ""}`;
    throw new CodedError("SERVICE_START_FAILED", "unavailable", message, { name: this.name });
  }

  async stop(): Promise<ChildExit | undefined> {
    return this.release()?.stop("SIGTERM", this.options.graceMs ?? STOP_GRACE_MS);
  }

  async kill9(): Promise<void> {
    await this.release()?.kill9();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** From here on the end of the child is no crash. */
  private release(): Child | undefined {
    const child = this.child;
    this.child = undefined;
    return child;
  }
}

async function answersOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

function pick(env: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  const pairs = names.map((name) => [name, env[name]] as const);
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined));
}
