import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import pg from "pg";
import { ask } from "../src/server/ask.js";

/** What a test needs of a server; one in another process has no more. */
type Server = { readonly url: string };

/** One thing written to a server and read back, through the protocol that its users speak. */
export interface Notebook {
  write(server: Server): Promise<void>;
  /** True when what was written is there; false when the server is empty. */
  isWritten(server: Server): Promise<boolean>;
}

const postgres: Notebook = {
  write: (server) =>
    withPostgres(server, async (client) => {
      await client.query("create table note as select 42 as answer");
    }),
  isWritten: (server) =>
    withPostgres(server, async (client) => {
      const { rows } = await client.query("select to_regclass('note') is not null as there");
      return rows[0].there === true;
    }),
};

const nats: Notebook = {
  write: (server) =>
    withJetStream(server, async (manager) => {
      await manager.streams.add({ name: "NOTES", subjects: ["note"] });
      await manager.jetstream().publish("note", "42");
    }),
  isWritten: (server) =>
    withJetStream(server, async (manager) => {
      const streams = await manager.streams.list().next();
      return streams.length === 1 && streams[0]?.state.messages === 1;
    }),
};

const redis: Notebook = {
  write: async (server) => {
    await ask(portOf(server), "SET note 42\r\n", (text) => text.startsWith("+OK"));
  },
  isWritten: async (server) => {
    const answer = await ask(portOf(server), "GET note\r\n", (text) => text.endsWith("\r\n"));
    return answer?.includes("42") === true;
  },
};

export const notebooks = { postgres, nats, redis } as const;

export const portOf = (server: Server): number => Number(new URL(server.url).port);

async function withPostgres<T>(server: Server, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

type Manager = Awaited<ReturnType<typeof jetstreamManager>>;

async function withJetStream<T>(server: Server, use: (manager: Manager) => Promise<T>): Promise<T> {
  const connection = await connect({ servers: server.url });
  try {
    return await use(await jetstreamManager(connection));
  } finally {
    await connection.close();
  }
}
