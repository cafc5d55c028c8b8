import pg from "pg";

/** A lock that one session of Postgres holds: it ends with the session, so with the process or its connection. */
export interface SessionLock {
  /** Aborted when the session is gone, and with it the lock. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** How often the session is asked whether it lives: a vanished server closes no connection. */
const HEARTBEAT_MS = 2_000;

/** Takes the advisory lock `key` on a connection of its own; null when another session has it. */
export async function trySessionLock(databaseUrl: string, key: number): Promise<SessionLock | null> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: 10_000,
    query_timeout: 5_000,
    keepAlive: true,
  });
  const losing = new AbortController();
  client.on("error", () => losing.abort());
  client.on("end", () => losing.abort());
  await client.connect();
  try {
    const { rows } = await client.query<{ taken: boolean }>("SELECT pg_try_advisory_lock($1) AS taken", [key]);
    if (rows[0]?.taken !== true) {
      await client.end();
      return null;
    }
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  const heartbeat = setInterval(() => {
    client.query("SELECT 1").catch(() => losing.abort());
  }, HEARTBEAT_MS);
  losing.signal.addEventListener("abort", () => clearInterval(heartbeat));
  return {
    lost: losing.signal,
    release: async () => {
      clearInterval(heartbeat);
      await client.end().catch(() => undefined);
    },
  };
}
