import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ask } from "./ask.js";
import { plainEnv, type Server, type ServerKind, type ServerOptions, startServer } from "./embedded-server.js";
import { findBinary, programs } from "./find-binary.js";

/** NATS with JetStream on loopback. */
export function startNats(options: ServerOptions): Promise<Server> {
  const storeFolder = join(options.dataDir, "data");
  const configFile = join(options.dataDir, "nats.conf");
  const serverName = `granary-${randomBytes(6).toString("hex")}`;
  const kind: ServerKind = {
    name: "nats",
    stopSignal: "SIGTERM",
    orphanSignal: "TERM",
    urlOf: (port) => `nats://127.0.0.1:${port}`,
    prepare: async (port) => {
      const binary = await findBinary(programs.nats, options.log ?? (() => undefined));
      await mkdir(storeFolder, { recursive: true });
      const syncAlways = options.durable !== false && canSyncAlways(binary.version);
      await writeFile(configFile, natsConfig({ port, serverName, storeFolder, syncAlways }));
      return { file: binary.file, args: ["-c", configFile], env: { ...plainEnv, ...binary.env }, cwd: options.dataDir };
    },
    isReady: async (port) => isOurs(await ask(port, "", (answer) => answer.includes("\r\n")), serverName),
    erase: () => rm(storeFolder, { recursive: true, force: true }),
  };
  return startServer(kind, options);
}

export interface NatsConfig {
  readonly port: number;
  readonly serverName: string;
  readonly storeFolder: string;
  readonly syncAlways: boolean;
}

/** JSON strings are valid in the configuration language of NATS. */
export function natsConfig(config: NatsConfig): string {
  return [
    `server_name: ${JSON.stringify(config.serverName)}`,
    `listen: "127.0.0.1:${config.port}"`,
    "jetstream {",
    `  store_dir: ${JSON.stringify(config.storeFolder)}`,
    ...(config.syncAlways ? ["  sync_interval: always"] : []),
    "}",
    "",
  ].join("\n");
}

/** `sync_interval` came with 2.10; an older server refuses to start with it and syncs every two minutes. */
export function canSyncAlways(version: string): boolean {
  const match = /v(\d+)\.(\d+)\./.exec(version);
  if (match === null) return false;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major > 2 || (major === 2 && minor >= 10);
}

/** A NATS server greets with INFO and a JSON object. */
function isOurs(greeting: string | undefined, serverName: string): boolean {
  if (greeting === undefined || !greeting.startsWith("INFO ")) return false;
  const info = JSON.parse(greeting.slice("INFO ".length).split("\r\n")[0] ?? "{}") as Record<string, unknown>;
  return info.server_name === serverName && info.jetstream === true;
}
