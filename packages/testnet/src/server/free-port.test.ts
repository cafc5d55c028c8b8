import { createServer } from "node:net";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { candidatePort, freePort, isFree } from "./free-port.js";

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
});
