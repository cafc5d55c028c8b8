import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Signer } from "@granary/chain-client";
import { type AccountId, CodedError, type Fid } from "@granary/primitives";
import { type Log, traceEntry } from "@granary/telemetry";
import { type FragmentRoutes, getFragment, putFragment, sendReply } from "./adapters/fragment-routes.js";
import { openFragmentStore } from "./adapters/fragment-store.js";
import type { Behaviour } from "./behaviour.js";
import type { MinerMetrics } from "./metrics.js";
import type { FragmentStore, MinerChain, MinerTiming } from "./ports.js";
import { replies } from "./reply.js";
import { type ReportLoop, startReportLoop } from "./report-loop.js";

export interface MinerSpec {
  readonly signer: Signer;
  readonly host: string;
  readonly port: number;
  /** What is registered on chain. */
  readonly endpoint: string;
  readonly dir: string;
  readonly behaviour: Behaviour;
}

export interface MinerCounters {
  puts: number;
  putsRefused: number;
  gets: number;
  getsRefused: number;
  reports: number;
  reportsLost: number;
}

/** One miner: a folder, an account, a port, a way to behave. */
export interface StorageMiner {
  readonly account: AccountId;
  readonly endpoint: string;
  readonly behaviour: Behaviour;
  readonly counters: Readonly<MinerCounters>;
  readonly store: FragmentStore;
  behave(behaviour: Behaviour): Promise<void>;
  /** The chain has news of these. */
  wake(fids: ReadonlySet<Fid>): void;
  start(): Promise<void>;
  startReporting(): void;
  stop(): Promise<void>;
}

export interface MinerPorts {
  readonly chain: MinerChain;
  readonly timing: MinerTiming;
  readonly metrics: MinerMetrics;
  readonly log: Log;
}

export async function openMiner(spec: MinerSpec, ports: MinerPorts): Promise<StorageMiner> {
  return new HostedMiner(spec, ports, await openFragmentStore(spec.dir));
}

const STARTED_AT = Math.floor(Date.now() / 1000);
const VERSION = "granary-storage-miner/0.1.0";
const HEADER_TIMEOUT_MS = 10_000;
const IDLE_CONNECTION_MS = 30_000;
const CONNECTIONS_MAX = 512;

class HostedMiner implements StorageMiner {
  readonly account: AccountId;
  readonly endpoint: string;
  readonly counters: MinerCounters = { puts: 0, putsRefused: 0, gets: 0, getsRefused: 0, reports: 0, reportsLost: 0 };
  behaviour: Behaviour;
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();
  private loop: ReportLoop | undefined;
  private readonly routes: FragmentRoutes;

  constructor(
    private readonly spec: MinerSpec,
    private readonly ports: MinerPorts,
    readonly store: FragmentStore,
  ) {
    this.account = spec.signer.account;
    this.endpoint = spec.endpoint;
    this.behaviour = spec.behaviour;
    this.routes = {
      store,
      chain: ports.chain,
      behaviour: () => this.behaviour,
      onPut: (fid, reply) => this.onPut(fid, reply === replies.ok),
      onGet: (reply) => this.onGet(reply === null),
      log: ports.log.with({ miner: spec.signer.account }),
    };
  }

  async start(): Promise<void> {
    if (this.behaviour.kind !== "dead") await this.listen();
  }

  startReporting(): void {
    const { chain, timing, log } = this.ports;
    this.loop ??= startReportLoop({
      holding: { store: this.store, chain, signer: this.spec.signer },
      timing,
      log: log.with({ miner: this.account }),
      activity: () =>
        this.behaviour.kind === "dead" ? "none" : this.behaviour.kind === "silent" ? "no reports" : "all",
      onReport: (isWon) => {
        this.counters[isWon ? "reports" : "reportsLost"] += 1;
        this.ports.metrics.reports.add({ outcome: isWon ? "reported" : "lost" });
      },
    });
  }

  async behave(behaviour: Behaviour): Promise<void> {
    this.behaviour = behaviour;
    if (behaviour.kind === "dead") await this.unlisten();
    else await this.listen();
    this.loop?.wake(new Set(this.store.fids));
  }

  wake(fids: ReadonlySet<Fid>): void {
    if (this.ports.timing.isEager) this.loop?.wake(fids);
  }

  async stop(): Promise<void> {
    await Promise.all([this.unlisten(), this.loop?.stop()]);
  }

  private onPut(fid: Fid, isAccepted: boolean): void {
    this.counters[isAccepted ? "puts" : "putsRefused"] += 1;
    this.ports.metrics.puts.add({ outcome: isAccepted ? "accepted" : "refused" });
    if (isAccepted) this.wake(new Set([fid]));
  }

  private onGet(isServed: boolean): void {
    this.counters[isServed ? "gets" : "getsRefused"] += 1;
    this.ports.metrics.gets.add({ outcome: isServed ? "served" : "refused" });
  }

  private async listen(): Promise<void> {
    if (this.server !== undefined) return;
    const server = createServer((request, response) => {
      this.traced(request, response).catch((error: unknown) => {
        this.ports.log.thrown("a request failed", error, { miner: this.account });
        sendReply(request, response, replies.systemError);
      });
    });
    server.headersTimeout = HEADER_TIMEOUT_MS;
    server.keepAliveTimeout = IDLE_CONNECTION_MS;
    server.maxConnections = CONNECTIONS_MAX;
    server.on("connection", (socket: Socket) => {
      this.sockets.add(socket);
      socket.once("close", () => this.sockets.delete(socket));
    });
    this.server = server;
    server.listen({ host: this.spec.host, port: this.spec.port });
    try {
      await once(server, "listening");
    } catch (error) {
      this.server = undefined;
      const { host, port } = this.spec;
      throw new CodedError(
        "MINER_PORT_TAKEN",
        "unavailable",
        "the miner cannot listen",
        { host, port },
        { cause: error },
      );
    }
  }

  /** At once and without a word, as when the power is cut. */
  private async unlisten(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    this.server = undefined;
    const closed = once(server, "close");
    server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  /** Of the protocol, fragments are what a trace is interested in. */
  private traced(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { traceparent } = request.headers;
    const isFragment = request.url?.startsWith("/fragment") === true && typeof traceparent === "string";
    if (!isFragment) return this.route(request, response);
    const attributes = { "granary.miner": this.account };
    return traceEntry(`${request.method} /fragment`, { kind: "server", from: traceparent, attributes }, () =>
      this.route(request, response),
    );
  }

  private async route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split("?", 1)[0];
    if (path === "/fragment" && request.method === "PUT") return putFragment(this.routes, request, response);
    if (path === "/fragment" && request.method === "GET") return getFragment(this.routes, request, response);
    if (path === "/status" && request.method === "GET") return this.sendStatus(request, response);
    response.statusCode = 404;
    response.setHeader("connection", "close");
    response.end("404 page not found");
  }

  private sendStatus(request: IncomingMessage, response: ServerResponse): void {
    const { chain } = this.ports;
    const data = {
      pid: process.pid,
      version: VERSION,
      endpoint: this.endpoint,
      current_rpc_status: chain.isConnected(),
      is_connecting_rpc: !chain.isConnected(),
      start_time: STARTED_AT,
      state: "positive",
      signature_acc: this.account,
      staking_acc: this.account,
      earnings_acc: this.account,
    };
    sendReply(request, response, { code: 200, msg: "ok", data });
  }
}
