import { createServer } from "node:net";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { candidatePort, freePort, freePorts, isFree, keepPorts } from "./free-port.js";

const firstEphemeralPort = 32_768;

describe("a free port", () => {
  it("is never one that the system gives to outgoing connections", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (chance) => {
        const port = candidatePort(() => chance);
        return port > 1024 && port < firstEphemeralPort && Number.isInteger(port);
      }),
    );
  });

  it("is not given twice", async () => {
    const always = [0.5, 0.5, 0.25][Symbol.iterator]();
    const random = () => always.next().value ?? 0.75;
    const first = await freePort(random);
    expect(await freePort(random)).not.toBe(first);
  });

  it("is not one that somebody listens on", async () => {
    const port = await freePort();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    expect(await isFree(port)).toBe(false);
    await new Promise((resolve) => server.close(resolve));
    expect(await isFree(port)).toBe(true);
  });

  const PORTS = 12_000;
  /** Chances that lead to these ports. */
  const chancesOf = (...ports: number[]) => {
    const left = ports.map((port) => (port - candidatePort(() => 0) + 0.5) / PORTS)[Symbol.iterator]();
    return () => left.next().value ?? Math.random();
  };

  it("is not in a row that was given, nor is a row over one that was given or kept", async () => {
    const base = candidatePort(() => 0.4);
    const row = await freePorts(16, chancesOf(base));
    expect(row).toBe(base);
    const inside = await freePort(chancesOf(base + 15));
    expect(inside < base || inside >= base + 16).toBe(true);
    const single = await freePort(chancesOf(base + 40));
    expect(single).toBe(base + 40);
    keepPorts(base + 60, 2);
    for (const overlapping of [base + 30, base + 46]) {
      const other = await freePorts(16, chancesOf(overlapping));
      expect(other).not.toBe(overlapping);
    }
  });

  it("is given to one of those who ask at the same time", async () => {
    const port = candidatePort(() => 0.7);
    const both = await Promise.all([freePort(chancesOf(port)), freePort(chancesOf(port))]);
    expect(new Set(both).size).toBe(2);
  });
});
