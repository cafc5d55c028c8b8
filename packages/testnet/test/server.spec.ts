import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  type ChildExit,
  poll,
  type Server,
  type ServerOptions,
  startNats,
  startPostgres,
  startRedis,
  temporaryFolder,
} from "../src/index.js";
import { isFree } from "../src/server/free-port.js";
import { notebooks, portOf } from "./notebook.js";
import { answersAt, otherAddresses, processesIn } from "./processes.js";

/** Longest wait for what is sure to come. */
const WAIT_MS = 120_000;

const starters = { postgres: startPostgres, nats: startNats, redis: startRedis } as const;
const names = ["postgres", "nats", "redis"] as const;

let folder: string;
let started: Server[];

beforeEach(async () => {
  folder = await temporaryFolder("server");
  started = [];
});

afterEach(async () => {
  await Promise.all(started.map((server) => server.destroy()));
  await rm(folder, { recursive: true, force: true });
});

async function start(name: (typeof names)[number], options: Partial<ServerOptions> = {}): Promise<Server> {
  const server = await starters[name]({ dataDir: join(folder, name), durable: false, ...options });
  started.push(server);
  return server;
}

describe.each(names)("%s, embedded", (name) => {
  const notebook = notebooks[name];

  it("keeps its data and its address through a restart", async () => {
    const server = await start(name);
    const { url, pid } = server;
    await notebook.write(server);
    await server.restart();
    expect(await notebook.isWritten(server)).toBe(true);
    expect(server.url).toBe(url);
    expect(server.pid).not.toBe(pid);
  });

  it("keeps what it acknowledged the moment before kill -9", async () => {
    const server = await start(name);
    await notebook.write(server);
    await server.kill9();
    await server.start();
    expect(await notebook.isWritten(server)).toBe(true);
  });

  it("is found again by a later start in the same folder", async () => {
    const first = await start(name);
    await notebook.write(first);
    await first.stop();
    const second = await start(name);
    expect(await notebook.isWritten(second)).toBe(true);
  });

  it("is empty after a wipe, at the same address", async () => {
    const server = await start(name);
    const { url } = server;
    await notebook.write(server);
    await server.wipe();
    expect(await notebook.isWritten(server)).toBe(false);
    expect(server.url).toBe(url);
  });

  it("leaves no process behind, stopped or killed", async () => {
    const server = await start(name);
    expect((await processesIn(folder)).length).toBeGreaterThan(0);
    await server.stop();
    expect(await processesIn(folder)).toEqual([]);
    await server.start();
    await server.kill9();
    expect(await poll(async () => (await processesIn(folder)).length === 0, WAIT_MS)).toBe(true);
    expect(server.pid).toBeUndefined();
  });

  it("listens on loopback only", async () => {
    const port = portOf(await start(name));
    expect(await answersAt("127.0.0.1", port)).toBe(true);
    for (const address of otherAddresses()) expect([address, await answersAt(address, port)]).toEqual([address, false]);
  });

  it("refuses a folder that is in use, and does not disturb who uses it", async () => {
    const server = await start(name);
    await expect(start(name)).rejects.toMatchObject({ code: "DATA_DIR_IN_USE", category: "conflict" });
    await notebook.write(server);
    expect(await notebook.isWritten(server)).toBe(true);
  });

  it("reports a crash, once, and starts again", async () => {
    const crashes: ChildExit[] = [];
    const server = await start(name, { onCrash: (exit) => crashes.push(exit) });
    process.kill(server.pid as number, "SIGKILL");
    expect(await poll(() => crashes.length > 0, WAIT_MS)).toBe(true);
    expect(server.pid).toBeUndefined();
    await server.start();
    await server.stop();
    expect(crashes).toEqual([{ code: null, signal: "SIGKILL" }]);
  });

  it("says why it cannot start: its port is taken", async () => {
    const server = await start(name);
    const second = starters[name]({ dataDir: join(folder, "second"), durable: false, port: portOf(server) });
    await expect(second).rejects.toMatchObject({
      code: "SERVER_START_FAILED",
      message: expect.stringMatching(/address/i),
    });
    expect(await processesIn(join(folder, "second"))).toEqual([]);
  });

  it("takes a given address for what it is: not ours to start or stop", async () => {
    const own = await start(name);
    const external = await start(name, { url: own.url });
    expect(external).toMatchObject({ url: own.url, isExternal: true, pid: undefined });
    await external.stop();
    await expect(external.wipe()).rejects.toMatchObject({ code: "SERVER_EXTERNAL" });
    expect(await answersAt("127.0.0.1", portOf(own))).toBe(true);
  });
});

describe("embedded servers together", () => {
  it("have their data for the next start, when their supervisor was killed -9", async () => {
    const script = fileURLToPath(new URL("./supervisor.mjs", import.meta.url));
    const supervisor = spawn(process.execPath, [script, folder], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(supervisor.stdout, "data");
    const urls = JSON.parse(String(line)) as Record<(typeof names)[number], string>;
    for (const name of names) await notebooks[name].write({ url: urls[name] });
    supervisor.kill("SIGKILL");
    await once(supervisor, "exit");
    // At once: a start copes with a server that the watchdog has not ended yet.
    for (const name of names) {
      const server = await start(name);
      expect([name, await notebooks[name].isWritten(server)]).toEqual([name, true]);
      await server.stop();
    }
    expect(await poll(async () => (await processesIn(folder)).length === 0, WAIT_MS)).toBe(true);
  });

  it("end without anybody starting them again, when their supervisor was killed -9", async () => {
    const script = fileURLToPath(new URL("./supervisor.mjs", import.meta.url));
    const supervisor = spawn(process.execPath, [script, folder], { stdio: ["ignore", "pipe", "inherit"] });
    await once(supervisor.stdout, "data");
    expect((await processesIn(join(folder, "redis"))).length).toBeGreaterThan(0);
    supervisor.kill("SIGKILL");
    expect(await poll(async () => (await processesIn(folder)).length === 0, WAIT_MS)).toBe(true);
  });

  it("start twice at once in different folders without meeting", async () => {
    const twice = await Promise.all(
      ["a", "b"].flatMap((half) => names.map((name) => start(name, { dataDir: join(folder, half, name) }))),
    );
    expect(new Set(twice.map((server) => server.url)).size).toBe(6);
  });

  it("free their ports when they stop", async () => {
    const all = await Promise.all(names.map((name) => start(name)));
    await Promise.all(all.map((server) => server.stop()));
    for (const server of all) expect(await isFree(portOf(server))).toBe(true);
  });
});

describe("Postgres", () => {
  it("works in a folder that only its owner may enter, as in root's home", async () => {
    const closed = join(folder, "closed");
    await mkdir(closed);
    await chmod(closed, 0o700);
    const server = await start("postgres", { dataDir: join(closed, "postgres") });
    await notebooks.postgres.write(server);
    await server.restart();
    expect(await notebooks.postgres.isWritten(server)).toBe(true);
    await server.wipe();
    expect(await notebooks.postgres.isWritten(server)).toBe(false);
  });

  it("is safe against power loss unless told otherwise", async () => {
    await start("postgres", { durable: true });
    const command = await readFile(join(folder, "postgres", "data", "postmaster.opts"), "utf8");
    for (const setting of ["fsync=on", "synchronous_commit=on", "full_page_writes=on"])
      expect(command).toContain(setting);
  });
});
