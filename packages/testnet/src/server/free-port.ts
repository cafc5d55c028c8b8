import { createServer } from "node:net";
import { CodedError } from "@granary/primitives";

/**
 * Below the range from which systems take the ports of outgoing connections (Linux: from 32768), so that a server
 * finds its port free again after a restart.
 */
const PORT_MIN = 20_000;
const PORT_MAX = 32_000;
const ATTEMPTS = 200;

const handedOut = new Set<number>();

/** Random, so that two networks started at once seldom ask for the same one. */
export function candidatePort(random: () => number): number {
  return PORT_MIN + Math.floor(random() * (PORT_MAX - PORT_MIN));
}

/** A loopback port that was free a moment ago and that this process has given to nobody else. */
export async function freePort(random: () => number = Math.random): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = candidatePort(random);
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
  throw new CodedError("PORTS_EXHAUSTED", "exhausted", `no free loopback port between ${PORT_MIN} and ${PORT_MAX}`);
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
