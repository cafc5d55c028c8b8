import { CodedError } from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import { cryptoWaitReady } from "@polkadot/util-crypto";
import { createCalls } from "./calls.js";
import { watchNodes } from "./endpoints.js";
import { createReader } from "./reader.js";
import { hostOf, Rpc, unreachable } from "./rpc.js";
import type { Runtime } from "./runtime.js";
import { Session } from "./session.js";
import type { ChainClient } from "./types.js";
import { createWriter } from "./writer.js";

export interface ChainOptions {
  /** ws:// or wss:// addresses of nodes of one chain; the next is used when one fails. */
  readonly urls: readonly string[];
  readonly log: Log;
  /** How long to wait for the first connection. Default 30 seconds. */
  readonly connectTimeoutMs?: number;
  /** How long a request may take. Default 30 seconds. */
  readonly requestTimeoutMs?: number;
  /** How long a request waits for a lost connection to come back. Default 5 seconds. */
  readonly graceMs?: number;
  /** `followFinalized` asks for the head at least this often. Default 3 seconds. */
  readonly pollMs?: number;
  /** A node that is this long behind a follower while its blocks are new has another history. Default 30 seconds. */
  readonly behindMs?: number;
  /** Several nodes are compared this often by how far they are, and one that lags is left. Default 15 seconds. */
  readonly compareMs?: number;
  /** A watched extrinsic of which nothing is heard for this long is looked for in blocks. Default 30 seconds. */
  readonly watchSilenceMs?: number;
}

const runtimeUpdates = {
  subscribe: "state_subscribeRuntimeVersion",
  unsubscribe: "state_unsubscribeRuntimeVersion",
  update: "state_runtimeVersion",
} as const;

/**
 * The runtime for encoding calls. It is kept at hand, because builders of calls do not wait, and read again when the
 * chain announces another or the connection is a new one. A call made in between is refused by the chain, not misread:
 * the version is in what is signed.
 */
async function keepRuntime(session: Session, log: Log): Promise<() => Runtime> {
  const load = async () => session.runtimeInState((await session.header()).hash);
  let current = await load();
  const refresh = () => {
    load().then(
      (runtime) => {
        current = runtime;
      },
      (error: unknown) => log.thrown("could not read the runtime", error),
    );
  };
  const watch = () => {
    session.rpc
      .subscribe(runtimeUpdates, [], refresh, () => undefined)
      .catch((error: unknown) => {
        log.thrown("could not watch the runtime", error);
      });
  };
  session.rpc.onConnect(watch);
  watch();
  return () => current;
}

/**
 * Connects and reads the metadata. Later losses of the connection are repaired in the background.
 * @throws CodedError CHAIN_UNREACHABLE (unavailable), CHAIN_SHAPE_UNKNOWN (bug: no chain of the CESS type)
 */
export async function connectChain(options: ChainOptions): Promise<ChainClient> {
  if (options.urls.length === 0 || !options.urls.every((url) => /^wss?:\/\//.test(url))) {
    throw new CodedError("CHAIN_URL_INVALID", "invalid", "the chain is given as ws:// or wss:// addresses");
  }
  await cryptoWaitReady();
  const { log } = options;
  const rpc = new Rpc({
    urls: options.urls,
    log,
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    graceMs: options.graceMs ?? 5_000,
  });
  try {
    await rpc.whenConnected(options.connectTimeoutMs ?? 30_000).catch((cause: unknown) => {
      throw unreachable(`no node answered at ${options.urls.map(hostOf).join(", ")}`, cause);
    });
    const session = new Session(rpc, log);
    const timing = { pollMs: options.pollMs ?? 3_000, behindMs: options.behindMs ?? 30_000 };
    const reader = await createReader(session, timing);
    const calls = createCalls(await keepRuntime(session, log));
    const watched = watchNodes(rpc, options.urls, options.compareMs ?? 15_000);
    return {
      reader,
      writer: createWriter(session, reader, options.watchSilenceMs ?? 30_000),
      calls,
      isConnected: () => rpc.isConnected,
      nodes: () => watched.standings(),
      close: () => {
        watched.stop();
        return rpc.close();
      },
    };
  } catch (error) {
    await rpc.close();
    throw error;
  }
}
