import { isIP } from "node:net";
import { isPublicAddress } from "./address.js";
import { MinerError } from "./errors.js";

/** Where a miner answers, read from the free text that it wrote on chain. */
export interface Endpoint {
  readonly origin: string;
  /** Path in front of every route, without a trailing slash: empty for nearly every miner. */
  readonly basePath: string;
  /** Name or literal address, without the brackets of IPv6. */
  readonly hostname: string;
  readonly port: number;
}

/** What an endpoint may be: the strict rules, or those of a development network on one machine. */
export interface DialRules {
  readonly allowPrivateAddresses: boolean;
}

const UNPRIVILEGED_PORT_MIN = 1024;
const privilegedPorts = new Set([80, 443]);
/** Where databases, queues, orchestrators and chain nodes listen: a miner that names one of them is not a miner. */
const infrastructurePorts = new Set([
  1433, 1521, 2049, 2181, 2375, 2376, 2377, 2379, 2380, 3306, 3389, 4222, 4369, 5432, 5672, 5984, 6222, 6379, 6380,
  6432, 6443, 7946, 8222, 8200, 8500, 9042, 9092, 9200, 9300, 9933, 9944, 10250, 10255, 10256, 11211, 15672, 16379,
  26257, 26379, 27017, 30333,
]);

/** Visible ASCII without what would make a URL mean another host to another reader. */
const endpointForm = /^[\x21-\x7e]+$/;
const ambiguousCharacters = /[@\\?#%<>"{}|^`]/;

/** @throws MinerError MINER_ENDPOINT_INVALID (invalid) */
export function parseEndpoint(text: string): Endpoint {
  const padding = text.indexOf("\0");
  const trimmed = (padding === -1 ? text : text.slice(0, padding)).trim();
  if (!endpointForm.test(trimmed) || ambiguousCharacters.test(trimmed)) throw invalid(trimmed);
  const withScheme = trimmed.includes("://") ? trimmed : `http://${trimmed}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:") || url.pathname.includes("//")) {
    throw invalid(trimmed);
  }
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  return {
    origin: url.origin,
    basePath: url.pathname.replace(/\/$/, ""),
    hostname: unbracketed(url.hostname),
    port,
  };
}

const invalid = (text: string): MinerError =>
  new MinerError("MINER_ENDPOINT_INVALID", "the miner's endpoint is not host:port or a plain http(s) URL", {
    endpoint: text.slice(0, 100),
  });

export const unbracketed = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, "$1");

/**
 * What can be refused without asking the name service. Literal addresses must be checked here: a resolver never sees
 * them. @throws MinerError MINER_ADDRESS_FORBIDDEN (denied)
 */
export function checkEndpoint(endpoint: Pick<Endpoint, "hostname" | "port">, rules: DialRules): void {
  const { hostname, port } = endpoint;
  const isPortPlausible = port >= UNPRIVILEGED_PORT_MIN || privilegedPorts.has(port);
  if (!isPortPlausible || (!rules.allowPrivateAddresses && infrastructurePorts.has(port))) {
    throw new MinerError("MINER_ADDRESS_FORBIDDEN", "no miner lives on this port", { port });
  }
  if (isIP(hostname) !== 0) checkAddress(hostname, rules);
}

/** @throws MinerError MINER_ADDRESS_FORBIDDEN (denied) */
export function checkAddress(address: string, rules: DialRules): void {
  if (rules.allowPrivateAddresses || isPublicAddress(address)) return;
  throw new MinerError("MINER_ADDRESS_FORBIDDEN", "the miner's address is not public", { address });
}
