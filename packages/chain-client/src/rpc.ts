import { CodedError, type ErrorDetails } from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import { WsProvider } from "@polkadot/api";

export interface RpcOptions {
  readonly urls: readonly string[];
  readonly log: Log;
  /** A request without an answer for this long fails. */
  readonly requestTimeoutMs: number;
  /** How long a request waits for a lost connection to come back before it fails. */
  readonly graceMs: number;
}

const RECONNECT_DELAY_MS = { first: 100, last: 5_000 };
const CONNECT_TIMEOUT_MS = 10_000;
/** A connection that does not answer this regular question is given up: TCP alone does not notice a vanished peer. */
const KEEPALIVE_MS = 10_000;

interface Subscription {
  readonly stop: () => void;
}

/**
 * JSON-RPC over one WebSocket at a time. When it breaks, or goes silent, the next address is tried, for ever, until
 * `close`. Requests that were under way fail; subscriptions end (their owners hear it by `onEnd`).
 */
export class Rpc {
  private provider: WsProvider | null = null;
  private isClosed = false;
  private attempt = 0;
  private node = 0;
  /** Nodes that are connected to only when no other answers. */
  private shunned: ReadonlySet<number> = new Set();
  private readonly waiting = new Set<() => void>();
  private readonly endings = new Set<() => void>();
  private readonly connectListeners = new Set<() => void>();
  private keepalive: NodeJS.Timeout | null = null;
  private retry: NodeJS.Timeout | null = null;

  constructor(private readonly options: RpcOptions) {
    this.connect();
  }

  get isConnected(): boolean {
    return this.provider?.isConnected ?? false;
  }

  /** Place among the addresses of the node in use, or of the one that is being tried. */
  get currentNode(): number {
    return this.node;
  }

  /** From now on these nodes are the last resort; when the one in use is among them it is left for another. */
  shun(nodes: ReadonlySet<number>): void {
    this.shunned = nodes;
    if (this.provider?.isConnected && nodes.has(this.node)) this.lose(this.provider, "the node is behind others");
  }

  /** Called after every connection but the first one that was standing when this was called. */
  onConnect(listener: () => void): void {
    this.connectListeners.add(listener);
  }

  /** @throws CodedError CHAIN_UNREACHABLE (unavailable) */
  async whenConnected(timeoutMs: number): Promise<WsProvider> {
    if (this.provider?.isConnected) return this.provider;
    if (!this.isClosed) {
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, timeoutMs);
        this.waiting.add(done);
      });
    }
    if (this.provider?.isConnected) return this.provider;
    throw unreachable(this.isClosed ? "the connection to the chain is closed" : "no node of the chain answers");
  }

  /** @throws CodedError CHAIN_UNREACHABLE (unavailable); RpcRefusal when the node answers with an error */
  async send<T>(method: string, params: readonly unknown[] = []): Promise<T> {
    const provider = await this.whenConnected(this.options.graceMs);
    try {
      return await provider.send<T>(method, [...params], false);
    } catch (error) {
      throw translate(error, method);
    }
  }

  /** `onEnd` is called once when the connection that carries the subscription is lost. */
  async subscribe<T>(
    names: { readonly subscribe: string; readonly unsubscribe: string; readonly update: string },
    params: readonly unknown[],
    onUpdate: (value: T) => void,
    onEnd: () => void,
  ): Promise<Subscription> {
    const provider = await this.whenConnected(this.options.graceMs);
    let isLive = true;
    const end = () => {
      this.endings.delete(end);
      if (isLive) onEnd();
      isLive = false;
    };
    this.endings.add(end);
    try {
      const id = await provider.subscribe(names.update, names.subscribe, [...params], (error, value: T) => {
        if (!isLive) return;
        if (error) end();
        else onUpdate(value);
      });
      const stop = () => {
        isLive = false;
        this.endings.delete(end);
        if (provider.isConnected) provider.unsubscribe(names.update, names.unsubscribe, id).catch(() => undefined);
      };
      return { stop };
    } catch (error) {
      isLive = false;
      this.endings.delete(end);
      throw translate(error, names.subscribe);
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    if (this.retry !== null) clearTimeout(this.retry);
    this.drop();
    for (const wake of [...this.waiting]) wake();
  }

  private connect(): void {
    const { urls } = this.options;
    // Sorting keeps the given order among equals.
    const order = [...urls.keys()].sort((a, b) => Number(this.shunned.has(a)) - Number(this.shunned.has(b)));
    this.node = order[this.attempt % order.length] as number;
    const url = urls[this.node] as string;
    this.attempt += 1;
    // Reconnecting is done here, so that each attempt may go to another node and losses are logged in one form.
    const provider = new WsProvider(url, false, {}, this.options.requestTimeoutMs, 0);
    this.provider = provider;
    const timer = setTimeout(() => this.lose(provider, "no connection in time"), CONNECT_TIMEOUT_MS);
    provider.on("connected", () => {
      clearTimeout(timer);
      if (this.provider !== provider) return;
      this.options.log.info("connected to the chain", { host: hostOf(url) });
      this.attempt = 0;
      this.keepalive = setInterval(() => this.checkAlive(provider), KEEPALIVE_MS);
      this.keepalive.unref();
      for (const wake of [...this.waiting]) wake();
      for (const listener of this.connectListeners) listener();
    });
    provider.on("disconnected", () => {
      clearTimeout(timer);
      this.lose(provider, "connection closed");
    });
    provider.connect().catch(() => {
      clearTimeout(timer);
      this.lose(provider, "connection refused");
    });
  }

  private checkAlive(provider: WsProvider): void {
    const timer = setTimeout(() => this.lose(provider, "the node is silent"), KEEPALIVE_MS - 1_000);
    timer.unref();
    provider
      .send("system_chain", [], false)
      .catch(() => undefined)
      .finally(() => clearTimeout(timer));
  }

  private lose(provider: WsProvider, reason: string): void {
    if (this.provider !== provider || this.isClosed) return;
    this.options.log.warn("lost the chain", { reason, host: hostOf(provider.endpoint) });
    this.drop();
    const delay = Math.min(RECONNECT_DELAY_MS.first * 2 ** Math.min(this.attempt, 10), RECONNECT_DELAY_MS.last);
    this.retry = setTimeout(() => this.connect(), delay);
  }

  private drop(): void {
    const provider = this.provider;
    this.provider = null;
    if (this.keepalive !== null) clearInterval(this.keepalive);
    this.keepalive = null;
    provider?.disconnect().catch(() => undefined);
    for (const end of [...this.endings]) end();
  }
}

/** The node answered, with an error. */
export class RpcRefusal extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly method: string,
  ) {
    super(message);
  }
}

export const unreachable = (message: string, cause?: unknown): CodedError =>
  new CodedError("CHAIN_UNREACHABLE", "unavailable", message, {}, { cause });

/** The provider throws RpcError objects with a number for answers, and plain errors for broken connections. */
function translate(error: unknown, method: string): Error {
  if (error instanceof CodedError) return error;
  const { code, message, data } = error as { code?: unknown; message?: unknown; data?: unknown };
  if (typeof code === "number") {
    const detail = typeof data === "string" ? `: ${data}` : "";
    const refusal = new RpcRefusal(code, `${String(message)}${detail}`, method);
    return blockError(refusal) ?? refusal;
  }
  return unreachable(`no answer to ${method}`, error);
}

/** Nodes say both only in text. */
function blockError(cause: RpcRefusal): CodedError | null {
  const { method } = cause;
  if (/state already discarded/i.test(cause.message)) return pruned({ method }, cause);
  if (/UnknownBlock/i.test(cause.message)) {
    return new CodedError("BLOCK_UNKNOWN", "absent", "the node does not know this block", { method }, { cause });
  }
  return null;
}

export const pruned = (details: ErrorDetails, cause?: unknown): CodedError =>
  new CodedError("CHAIN_STATE_PRUNED", "exhausted", "the node no longer has that block's state", details, { cause });

/** The rest of an address may be a key. */
export const hostOf = (url: string): string => new URL(url).host;
