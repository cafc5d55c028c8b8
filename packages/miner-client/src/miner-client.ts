import { KiB } from "@granary/primitives";
import { traceStep } from "@granary/telemetry";
import { Agent } from "undici";
import { createDial, type DialOptions } from "./dial.js";
import { checkEndpoint } from "./endpoint.js";
import { MinerError } from "./errors.js";
import type { Wire } from "./exchange.js";
import { type GetFragment, getFragment } from "./get-fragment.js";
import type { PaceLimits } from "./pace.js";
import { type MinerStatus, type Ping, ping } from "./ping.js";
import { type PutFragment, putFragment } from "./put-fragment.js";
import type { Signer } from "./sign-headers.js";
import { createSlots, type Slots } from "./slots.js";

export interface MinerLimits extends PaceLimits {
  readonly connectTimeoutMs: number;
  /** From the last byte sent to the miner's word that it has stored them; it asks its chain node in between. */
  readonly putAnswerTimeoutMs: number;
  readonly getAnswerTimeoutMs: number;
  readonly connectionsPerMiner: number;
  /** Calls at a time, to all miners together. */
  readonly connections: number;
  readonly idleConnectionMs: number;
}

/** The pace is the one below which a fragment takes longer than anyone waits for it. */
export const defaultMinerLimits: MinerLimits = {
  minBytesPerSecond: 150_000,
  windowMs: 15_000,
  connectTimeoutMs: 5_000,
  putAnswerTimeoutMs: 60_000,
  getAnswerTimeoutMs: 15_000,
  connectionsPerMiner: 6,
  connections: 192,
  idleConnectionMs: 10_000,
};

export interface MinerClientOptions {
  readonly signer: Signer;
  /** For a development network on one machine; never for miners that strangers register. */
  readonly allowPrivateAddresses: boolean;
  readonly limits?: Partial<MinerLimits>;
  /** Another name service, another way to open sockets, more certificates. */
  readonly dial?: Pick<DialOptions, "resolve" | "open" | "tlsCa">;
}

export interface MinerClient {
  /** Resolves when the miner says that it has stored the fragment: its word, not yet a proof. */
  putFragment(request: PutFragment): Promise<void>;
  /** Exactly one fragment, checked against its hash. */
  getFragment(request: GetFragment): Promise<Uint8Array>;
  ping(request: Ping): Promise<MinerStatus>;
  /** Ends calls in progress and idle connections. */
  close(): Promise<void>;
}

const ANSWER_HEADER_BYTES_MAX = 16 * KiB;

export function createMinerClient(options: MinerClientOptions): MinerClient {
  const limits = { ...defaultMinerLimits, ...options.limits };
  const { signer } = options;
  const rules = { allowPrivateAddresses: options.allowPrivateAddresses };
  const agent = new Agent({
    connect: createDial({ ...options.dial, ...rules, connectTimeoutMs: limits.connectTimeoutMs }),
    connections: limits.connectionsPerMiner,
    pipelining: 1,
    keepAliveTimeout: limits.idleConnectionMs,
    keepAliveMaxTimeout: limits.idleConnectionMs,
    maxHeaderSize: ANSWER_HEADER_BYTES_MAX,
    // Time is kept by each exchange, which knows what it waits for.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const wire: Wire = {
    agent,
    pace: limits,
    check: (endpoint) => checkEndpoint(endpoint, rules),
    slotsOf: createSlotTable(limits),
  };
  return {
    putFragment: (request) =>
      traceStep("put fragment", aboutRequest(request), () =>
        putFragment(wire, signer, limits.putAnswerTimeoutMs, request),
      ),
    getFragment: (request) =>
      traceStep("get fragment", aboutRequest(request), () =>
        getFragment(wire, signer, limits.getAnswerTimeoutMs, request),
      ),
    ping: (request) => ping(wire, limits.getAnswerTimeoutMs, request),
    close: () => agent.destroy(new MinerError("MINER_CLIENT_CLOSED", "this client was closed")),
  };
}

const aboutRequest = ({ endpoint, fid, fragment }: PutFragment | GetFragment) => ({
  kind: "client" as const,
  attributes: { "server.address": endpoint, "granary.fid": fid, "granary.fragment": fragment },
});

/** A miner's own slots come first, so that one slow miner with a queue does not sit on everybody's. */
function createSlotTable(limits: MinerLimits): (origin: string) => readonly Slots[] {
  const all = createSlots(limits.connections);
  const byOrigin = new Map<string, Slots>();
  return (origin) => {
    const known = byOrigin.get(origin);
    if (known !== undefined) return [known, all];
    // Origins come from the chain, where anybody can write new ones: the table is swept before it grows.
    if (byOrigin.size > limits.connections) {
      for (const [name, slots] of byOrigin) if (slots.isIdle) byOrigin.delete(name);
    }
    const fresh = createSlots(limits.connectionsPerMiner);
    byOrigin.set(origin, fresh);
    return [fresh, all];
  };
}
