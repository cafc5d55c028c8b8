import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { buildConnector } from "undici";
import { checkAddress, checkEndpoint, type DialRules, unbracketed } from "./endpoint.js";
import { asMinerError, MinerError } from "./errors.js";

/** All addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

export interface DialOptions extends DialRules {
  readonly connectTimeoutMs: number;
  /** Certificates to trust besides the public ones, PEM. */
  readonly tlsCa?: string;
  readonly resolve?: Resolve;
  /** Opens the socket, to an address that was checked. Tests count its calls. */
  readonly open?: buildConnector.connector;
}

/** A name with more addresses than this is not asked to its end: a dial is bounded. */
const ADDRESSES_TRIED_MAX = 4;

const resolveByDns: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true, verbatim: false })).map(({ address }) => address);

/**
 * The law: no packet leaves for an address that was not checked. A name is resolved once, *all* its addresses must be
 * allowed, and the socket is opened to the checked address itself, so that a second answer of the name service (a
 * rebinding) is never asked for.
 */
export function createDial(options: DialOptions): buildConnector.connector {
  const open = options.open ?? openSocket(options);
  const resolve = options.resolve ?? resolveByDns;
  return (target, callback) => {
    dial(target, options, resolve, open).then(
      (socket) => callback(null, socket),
      (error: unknown) => callback(asMinerError(error), null),
    );
  };
}

const openSocket = (options: DialOptions): buildConnector.connector =>
  buildConnector({
    timeout: options.connectTimeoutMs,
    ...(options.tlsCa === undefined ? {} : { ca: options.tlsCa }),
  });

type Socket = Parameters<buildConnector.Callback>[1] & {};

async function dial(
  target: buildConnector.Options,
  options: DialOptions,
  resolve: Resolve,
  open: buildConnector.connector,
): Promise<Socket> {
  const hostname = unbracketed(target.hostname);
  const port = Number(target.port || (target.protocol === "https:" ? 443 : 80));
  checkEndpoint({ hostname, port }, options);
  const addresses =
    isIP(hostname) === 0 ? await resolveInTime(hostname, resolve, options.connectTimeoutMs) : [hostname];
  for (const address of addresses) checkAddress(address, options);
  const servername = isIP(hostname) === 0 ? hostname : undefined;
  let failure: unknown;
  for (const address of addresses.slice(0, ADDRESSES_TRIED_MAX)) {
    try {
      return await openTo({ ...target, hostname: address, ...(servername && { servername }) }, open);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function resolveInTime(hostname: string, resolve: Resolve, timeoutMs: number): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    const late = new MinerError("MINER_TIMEOUT", "the miner's name was not resolved in time", { phase: "resolve" });
    timer = setTimeout(() => reject(late), timeoutMs);
  });
  try {
    const addresses = await Promise.race([resolve(hostname), tooLate]);
    if (addresses.length > 0) return addresses;
    throw new MinerError("MINER_UNREACHABLE", "the miner's name has no address", { reason: "ENOTFOUND" });
  } finally {
    clearTimeout(timer);
  }
}

function openTo(target: buildConnector.Options, open: buildConnector.connector): Promise<Socket> {
  return new Promise((resolve, reject) => {
    open(target, (...[error, socket]) => (error === null ? resolve(socket) : reject(error)));
  });
}
