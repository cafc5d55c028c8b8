import { randomUUID } from "node:crypto";
import type { Database, Transaction } from "./client.js";

/** Postgres schemas that have an outbox and an inbox. */
export type MailboxSchema = "ingest" | "manifest" | "scheduling" | "chain" | "retrieval";

export interface OutboxRow {
  readonly id: string;
  readonly subject: string;
  readonly payload: unknown;
  /** W3C traceparent of what made the fact true. */
  readonly trace: string | null;
}

/** Facts that wait in the service's own schema until a relay has published them. */
export interface Outbox {
  /** Adds a fact inside the transaction that makes it true. `trace`: where it belongs, if not to the present work. */
  add(tx: Transaction, subject: string, payload: unknown, trace?: string | null): Promise<void>;
  /**
   * Hands up to `limit` unpublished rows, oldest first, to `publish` and marks them; rows are locked meanwhile, so
   * relays of several replicas share the work. When `publish` throws, nothing is marked.
   * @returns how many were published
   */
  drain(limit: number, publish: (rows: readonly OutboxRow[]) => Promise<void>): Promise<number>;
  /** Seconds the oldest unpublished row has waited; 0 when there is none. */
  lagSeconds(): Promise<number>;
  /** Deletes rows published before `before`. @returns how many */
  prune(before: Date): Promise<number>;
}

/** Remembers which messages had their effect, so that a redelivery has none. */
export interface Inbox {
  /** Runs `effect` in a transaction unless this consumer has had this message. @returns whether it ran */
  once(consumer: string, messageId: string, effect: (tx: Transaction) => Promise<void>): Promise<boolean>;
  prune(before: Date): Promise<number>;
}

export function createOutbox(
  database: Database,
  schema: MailboxSchema,
  options: { /** W3C traceparent of the present work. */ readonly currentTrace?: () => string | undefined } = {},
): Outbox {
  return {
    async add(tx, subject, payload, trace) {
      await tx.$executeRawUnsafe(
        `INSERT INTO ${schema}.outbox (id, subject, payload, trace) VALUES ($1::uuid, $2, $3::jsonb, $4)`,
        randomUUID(),
        subject,
        JSON.stringify(payload),
        trace ?? options.currentTrace?.() ?? null,
      );
    },
    drain: (limit, publish) =>
      database.$transaction(async (tx) => {
        const rows = await tx.$queryRawUnsafe<OutboxRow[]>(
          `SELECT id::text, subject, payload, trace FROM ${schema}.outbox WHERE published_at IS NULL
           ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED`,
          limit,
        );
        if (rows.length === 0) return 0;
        await publish(rows);
        await tx.$executeRawUnsafe(
          `UPDATE ${schema}.outbox SET published_at = now() WHERE id = ANY($1::uuid[])`,
          rows.map((row) => row.id),
        );
        return rows.length;
      }),
    async lagSeconds() {
      const [row] = await database.$queryRawUnsafe<{ lag: number | null }[]>(
        `SELECT extract(epoch FROM now() - min(created_at))::float8 AS lag FROM ${schema}.outbox WHERE published_at IS NULL`,
      );
      return Math.max(0, row?.lag ?? 0);
    },
    prune: (before) =>
      database.$executeRawUnsafe(`DELETE FROM ${schema}.outbox WHERE published_at < $1::timestamptz`, before),
  };
}

export function createInbox(database: Database, schema: MailboxSchema): Inbox {
  return {
    once: (consumer, messageId, effect) =>
      database.$transaction(async (tx) => {
        const fresh = await tx.$executeRawUnsafe(
          `INSERT INTO ${schema}.inbox (consumer, message_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
          consumer,
          messageId,
        );
        if (fresh === 0) return false;
        await effect(tx);
        return true;
      }),
    prune: (before) =>
      database.$executeRawUnsafe(`DELETE FROM ${schema}.inbox WHERE received_at < $1::timestamptz`, before),
  };
}
