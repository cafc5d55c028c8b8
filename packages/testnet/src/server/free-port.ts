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
export const freePort = (random: () => number = Math.random): Promise<number> => freePorts(1, random);

/** The first of so many such ports in a row. @throws CodedError PORTS_EXHAUSTED (exhausted) */
export async function freePorts(count: number, random: () => number = Math.random): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const first = candidatePort(random);
    if (row(first, count).some((port) => handedOut.has(port))) continue;
    // Before they are looked at: somebody else may ask meanwhile.
    keepPorts(first, count);
    if (await areFree(first, count)) return first;
  }
  throw new CodedError("PORTS_EXHAUSTED", "exhausted", `no free loopback port between ${PORT_MIN} and ${PORT_MAX}`);
}

/** Ports that are somebody's already: `freePort` gives them to nobody. */
export function keepPorts(first: number, count = 1): void {
  for (const port of row(first, count)) handedOut.add(port);
}

const row = (first: number, count: number): number[] => Array.from({ length: count }, (_, n) => first + n);

/** Whether nobody listens on any of so many ports in a row. */
export async function areFree(first: number, count: number): Promise<boolean> {
  return (await Promise.all(row(first, count).map(isFree))).every(Boolean);
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
