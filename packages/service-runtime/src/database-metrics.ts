import { type Database, poolLoad } from "@granary/database";
import type { Register } from "@granary/telemetry";

/** Shows the load of the database's pool of connections. */
export function observeDatabase(register: Register, database: Database): Database {
  const states = ["used", "idle", "waiting"] as const;
  register.gauge<"granary_database_connections", { state: (typeof states)[number] }>({
    name: "granary_database_connections",
    help: "Connections of the pool to Postgres that are used and idle; waiting: work that waits for one",
    labels: { state: states },
    collect: (gauge) => {
      const { open, idle, waiting } = poolLoad(database);
      gauge.set({ state: "used" }, open - idle);
      gauge.set({ state: "idle" }, idle);
      gauge.set({ state: "waiting" }, waiting);
    },
  });
  return database;
}
