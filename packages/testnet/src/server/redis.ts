import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { ask } from "./ask.js";
import { plainEnv, type Server, type ServerKind, type ServerOptions, startServer } from "./embedded-server.js";
import { findBinary, programs } from "./find-binary.js";

/** Redis (or Valkey) on loopback, as BullMQ wants it: it refuses writes when full, and never evicts a job. */
export function startRedis(options: ServerOptions): Promise<Server> {
  const folder = join(options.dataDir, "data");
  const kind: ServerKind = {
    name: "redis",
    stopSignal: "SIGTERM",
    orphanSignal: "TERM",
    urlOf: (port) => `redis://127.0.0.1:${port}`,
    prepare: async (port) => {
      const binary = await findBinary(programs.redis, options.log ?? (() => undefined));
      await mkdir(folder, { recursive: true });
      const args = redisArguments(port, folder, options.durable !== false);
      return { file: binary.file, args, env: { ...plainEnv, ...binary.env }, cwd: folder };
    },
    isReady: async (port, pid) => {
      const answer = await ask(port, "PING\r\nINFO server\r\nQUIT\r\n", (text) => /^\+OK\r?$/m.test(text));
      return answer?.startsWith("+PONG") === true && new RegExp(`^process_id:${pid}\\r$`, "m").test(answer);
    },
    erase: () => rm(folder, { recursive: true, force: true }),
  };
  return startServer(kind, options);
}

/** The append-only file is written before a command is answered, so a killed process loses nothing. */
export function redisArguments(port: number, folder: string, durable: boolean): string[] {
  const settings: Record<string, string> = {
    port: String(port),
    bind: "127.0.0.1",
    "protected-mode": "yes",
    daemonize: "no",
    dir: folder,
    save: "",
    appendonly: "yes",
    appendfsync: durable ? "everysec" : "no",
    "maxmemory-policy": "noeviction",
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}
