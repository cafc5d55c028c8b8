import { rm } from "node:fs/promises";
import type { EventHandlersFor, MessageOf } from "@granary/contracts";
import { connectDatabase, type Database, migrate, type Transaction } from "@granary/database";
import { poll, type Server, startNats, startPostgres, temporaryFolder } from "@granary/testnet";
import { afterAll, beforeAll } from "@jest/globals";
import type { MsgHdrs, NatsConnection } from "@nats-io/transport-node";

/** Longest wait for what is sure to come; on a good day it takes a blink. */
export const WAIT_MS = 120_000;
export const FAILED_SUBJECT = "granary.encoding.failed.v1";

interface Servers {
  readonly nats: Server;
  readonly database: Database;
}

/** Postgres, migrated, and NATS for the tests of a file. */
export function useServers(name: string): () => Servers {
  let servers: (Servers & { readonly postgres: Server; readonly folder: string }) | undefined;
  beforeAll(async () => {
    const folder = await temporaryFolder(name);
    const [postgres, nats] = await Promise.all([
      startPostgres({ dataDir: `${folder}/postgres`, durable: false }),
      startNats({ dataDir: `${folder}/nats`, durable: false }),
    ]);
    await migrate(postgres.url);
    servers = { postgres, nats, folder, database: connectDatabase({ url: postgres.url, poolSize: 5 }) };
  });
  afterAll(async () => {
    if (servers === undefined) return;
    await servers.database.$disconnect();
    await servers.nats.stop();
    await servers.postgres.stop();
    await rm(servers.folder, { recursive: true, force: true });
  });
  return () => {
    if (servers === undefined) throw new Error("the servers are not there yet");
    return servers;
  };
}

/** What the gateway hears, of which only failed encodings matter here. */
export function hearingFailures(
  encodingFailed: (message: MessageOf<"encodingFailed">, tx: Transaction) => Promise<void>,
): EventHandlersFor<"ingest-gateway", Transaction> {
  const nothing = async () => {};
  return { encodingFailed, objectEncoded: nothing, dealAdvanced: nothing, fileDeleted: nothing };
}

/** Says that an encoding has failed, until the stream is there to take it. */
export const publishFailure = (connection: NatsConnection, body: string, headers?: MsgHdrs): Promise<boolean> =>
  poll(
    () =>
      connection.request(FAILED_SUBJECT, body, { timeout: 2_000, ...(headers === undefined ? {} : { headers }) }).then(
        () => true,
        () => false,
      ),
    WAIT_MS,
    100,
  );
