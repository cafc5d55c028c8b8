import { rm } from "node:fs/promises";
import { join } from "node:path";
import { CodedError } from "@granary/primitives";
import { type Child, type ChildExit, type Command, describeExit, startChild } from "./child-process.js";
import { type Claim, claimFolder } from "./claim.js";
import { freePort, isFree } from "./free-port.js";
import type { Log } from "./log.js";
import { poll } from "./poll.js";
import type { OrphanSignal } from "./watchdog.js";

export type ServerName = "postgres" | "nats" | "redis";

export interface ServerOptions {
  /** Folder of this server alone: its data, its log, its claim. */
  readonly dataDir: string;
  /** Address of a running server; then nothing is started and nothing is ever stopped. */
  readonly url?: string | undefined;
  /** Default: a free one. It stays the same through restart and wipe. */
  readonly port?: number | undefined;
  /** False trades safety against power loss for speed (tests); a killed process loses nothing either way. Default: true. */
  readonly durable?: boolean | undefined;
  /** Default: `server.log` in the data folder. */
  readonly logFile?: string | undefined;
  /** Progress, for people. */
  readonly log?: Log | undefined;
  /** Called when the process ends without having been told to. */
  readonly onCrash?: ((exit: ChildExit, logTail: string) => void) | undefined;
}

export interface Server {
  readonly name: ServerName;
  readonly url: string;
  /** Undefined while it is stopped, and always for an external server. */
  readonly pid: number | undefined;
  readonly isExternal: boolean;
  /** Starts it again on its port with its data; nothing if it runs. */
  start(): Promise<void>;
  /** Orderly end, data kept. */
  stop(): Promise<void>;
  /** Ends it as a power cut would, data kept. */
  kill9(): Promise<void>;
  restart(): Promise<void>;
  /** Ends it as kill9 does, deletes its data and starts it empty on the same port. */
  wipe(): Promise<void>;
  /** Ends it and deletes its data: for tests that clean up. */
  destroy(): Promise<void>;
}

/** What one kind of server does in its own way. */
export interface ServerKind {
  readonly name: ServerName;
  readonly stopSignal: NodeJS.Signals;
  readonly orphanSignal: OrphanSignal;
  urlOf(port: number): string;
  /** Makes the data folder if it is missing and says how to start. */
  prepare(port: number): Promise<Command>;
  /** True when this very process, not another that took the port, answers. */
  isReady(port: number, pid: number): Promise<boolean>;
  /** Brings a fresh server into the state its users expect, again and again. */
  complete?(port: number): Promise<void>;
  /** Deletes all data. */
  erase(): Promise<void>;
  /** Log lines of a start that failed because its killed predecessor is not quite gone. */
  readonly predecessorLingers?: RegExp;
}

const START_TIMEOUT_MS = 30_000;
const STOP_GRACE_MS = 20_000;
/** Attempts to find a port that nobody takes between the look and the start. */
const PORT_ATTEMPTS = 5;

/** @throws CodedError SERVER_START_FAILED (unavailable), DATA_DIR_IN_USE (conflict), SERVER_BINARY_MISSING (unavailable) */
export async function startServer(kind: ServerKind, options: ServerOptions): Promise<Server> {
  if (options.url !== undefined) return externalServer(kind.name, options.url);
  const server = new EmbeddedServer(kind, options, options.port ?? (await freePort()));
  for (let attempt = 1; ; attempt += 1) {
    try {
      await server.start();
      return server;
    } catch (thrown) {
      const mayBePort = options.port === undefined && attempt < PORT_ATTEMPTS && !(await isFree(server.port));
      if (!mayBePort) throw thrown;
      server.port = await freePort();
    }
  }
}

class EmbeddedServer implements Server {
  readonly isExternal = false;
  private child: Child | undefined;
  private claim: Claim | undefined;

  constructor(
    private readonly kind: ServerKind,
    private readonly options: ServerOptions,
    public port: number,
  ) {}

  get name(): ServerName {
    return this.kind.name;
  }

  get url(): string {
    return this.kind.urlOf(this.port);
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  async start(): Promise<void> {
    if (this.child !== undefined) return;
    // After a crash the folder is still ours.
    this.claim ??= await claimFolder(this.options.dataDir);
    try {
      const command = await this.kind.prepare(this.port);
      const child = await this.launch(command);
      await this.kind.complete?.(this.port);
      this.noticeCrash(child);
    } catch (thrown) {
      await this.end("SIGKILL");
      throw thrown;
    }
  }

  stop(): Promise<void> {
    return this.end(this.kind.stopSignal);
  }

  kill9(): Promise<void> {
    return this.end("SIGKILL");
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async wipe(): Promise<void> {
    await this.kill9();
    await this.kind.erase();
    await this.start();
  }

  async destroy(): Promise<void> {
    await this.stop();
    await this.kind.erase();
    await rm(this.options.dataDir, { recursive: true, force: true });
  }

  private async launch(command: Command): Promise<Child> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      const child = await startChild({
        name: this.name,
        command,
        logFile: this.options.logFile ?? join(this.options.dataDir, "server.log"),
        orphanSignal: this.kind.orphanSignal,
      });
      this.child = child;
      await this.claim?.record(child.pid);
      const isReady = async () => child.exited() !== undefined || (await this.kind.isReady(this.port, child.pid));
      const answered = await poll(isReady, deadline - performance.now());
      const exit = child.exited();
      if (answered && exit === undefined) return child;
      const lingers = exit !== undefined && this.kind.predecessorLingers?.test(child.logTail()) === true;
      if (!lingers || performance.now() >= deadline) throw startFailed(this.name, exit, child.logTail());
    }
  }

  private noticeCrash(child: Child): void {
    void child.exit.then((exit) => {
      if (this.child !== child) return;
      this.child = undefined;
      this.options.onCrash?.(exit, child.logTail());
    });
  }

  /** The child is forgotten before it is signalled: from here on its end is no crash. */
  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    this.child = undefined;
    await (signal === "SIGKILL" ? child?.kill9() : child?.stop(signal, STOP_GRACE_MS));
    await this.claim?.release();
    this.claim = undefined;
  }
}

function startFailed(name: ServerName, exit: ChildExit | undefined, logTail: string): CodedError {
  const how = exit === undefined ? `no answer within ${START_TIMEOUT_MS / 1000} s` : describeExit(exit);
  return new CodedError("SERVER_START_FAILED", "unavailable", `${name} did not start (${how})\n${logTail}`, { name });
}

function externalServer(name: ServerName, url: string): Server {
  const refuse = (): Promise<never> =>
    Promise.reject(
      new CodedError("SERVER_EXTERNAL", "denied", `${name} was given by its address: it is not ours to stop`),
    );
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    name,
    url,
    pid: undefined,
    isExternal: true,
    start: nothing,
    stop: nothing,
    destroy: nothing,
    kill9: refuse,
    restart: refuse,
    wipe: refuse,
  };
}

/** The environment that every server gets: nothing of the supervisor's own. */
export const plainEnv = { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C", HOME: "/tmp" } as const;
