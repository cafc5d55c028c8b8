import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  type ChildExit,
  freePort,
  type NodeProcess,
  type NodeProcessOptions,
  poll,
  superviseNodeProcess,
  temporaryFolder,
} from "../src/index.js";
import { answersAt } from "./processes.js";

/** Longest wait for what is sure to come. */
const WAIT_MS = 120_000;

const script = fileURLToPath(new URL("./service.mjs", import.meta.url));

let folder: string;
let service: NodeProcess;
let port: number;

beforeEach(async () => {
  folder = await temporaryFolder("process");
  port = await freePort();
});

afterEach(async () => {
  await service.kill9();
  await rm(folder, { recursive: true, force: true });
});

function supervise(manner: string, options: Partial<NodeProcessOptions> = {}): NodeProcess {
  const env = { PORT: String(port), MANNER: manner };
  service = superviseNodeProcess({ name: "example", script, env, dir: folder, port, ...options });
  return service;
}

describe("a supervised service", () => {
  it("counts as started when it says that it is ready, not before", async () => {
    await supervise("obedient").start();
    const { asked } = (await (await fetch(service.url)).json()) as { asked: number };
    expect(asked).toBeGreaterThan(3);
  });

  it("stops when asked, and starts again on its port", async () => {
    await supervise("obedient").start();
    const { pid } = service;
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    expect(await answersAt("127.0.0.1", port)).toBe(false);
    await service.restart();
    expect(service.pid).not.toBe(pid);
    expect((await fetch(`${service.url}/ready`)).status).toBe(200);
  });

  it("is killed when it does not stop in its grace", async () => {
    await supervise("stubborn", { graceMs: 200 }).start();
    expect(await service.stop()).toEqual({ code: null, signal: "SIGKILL" });
    expect(service.pid).toBeUndefined();
  });

  it("reports an end that nobody asked for, and none that somebody did", async () => {
    const crashes: ChildExit[] = [];
    await supervise("obedient", { onCrash: (exit) => crashes.push(exit) }).start();
    await fetch(`${service.url}/exit`).catch(() => undefined);
    expect(await poll(() => crashes.length > 0, WAIT_MS)).toBe(true);
    await service.start();
    await service.kill9();
    expect(crashes).toEqual([{ code: 7, signal: null }]);
  });

  it("that ends before it is ready fails the start, with what it said last", async () => {
    await expect(supervise("fails").start()).rejects.toMatchObject({
      code: "SERVICE_START_FAILED",
      message: expect.stringMatching(/exit code 3;.*\nthe configuration is wrong/),
    });
  });

  it("that is not ready in time fails the start and is gone", async () => {
    const never = supervise("obedient", { readyPath: "/never", readyTimeoutMs: 400 });
    await expect(never.start()).rejects.toMatchObject({ code: "SERVICE_START_FAILED" });
    expect(await answersAt("127.0.0.1", port)).toBe(false);
  });

  it("does not inherit the supervisor's secrets", async () => {
    process.env.SUPERVISOR_SECRET = "hidden";
    try {
      await supervise("obedient").start();
      expect(await (await fetch(service.url)).json()).toMatchObject({ secret: null });
    } finally {
      delete process.env.SUPERVISOR_SECRET;
    }
  });
});
