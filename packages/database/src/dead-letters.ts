import { randomUUID } from "node:crypto";
import { CodedError } from "@granary/primitives";
import type { Database, Transaction } from "./client.js";

/** Postgres schemas of services that consume facts. */
export type DeadLetterSchema = "ingest" | "manifest" | "scheduling";

/** A message that its handler could not take. */
export interface NewDeadLetter {
  readonly consumer: string;
  readonly messageId: string;
  /** Name of the contract. */
  readonly event: string;
  readonly payload: unknown;
  readonly code: string;
  readonly reason: string;
  readonly deliveries: number;
  /** W3C traceparent of the message. */
  readonly trace: string | null;
}

export interface DeadLetterRow extends NewDeadLetter {
  readonly id: string;
  readonly createdAt: Date;
}

type LetterWork = (letter: DeadLetterRow, tx: Transaction) => Promise<void>;

/** Messages that were given up, until an operator has them handled after all or discards them. */
export interface DeadLetters {
  /** Of a message that was given up before and comes again, the newest failure is kept. */
  keep(letter: NewDeadLetter): Promise<void>;
  /** Not settled ones, oldest first; `after` is the id at which an earlier listing ended. */
  list(query: { readonly count: number; readonly after?: string | undefined }): Promise<DeadLetterRow[]>;
  count(): Promise<number>;
  /**
   * Runs `effect` for the letter unless its message has had its effect meanwhile, then `note`, and settles the letter,
   * in one transaction.
   * @throws CodedError DEAD_LETTER_UNKNOWN (absent) also where it is settled; whatever `effect` throws: then nothing changed
   */
  replay(id: string, effect: LetterWork, note: LetterWork): Promise<void>;
  /** Gives it up for good; `note` runs in the same transaction. @throws CodedError DEAD_LETTER_UNKNOWN (absent) */
  discard(id: string, note: LetterWork): Promise<void>;
  /** Forgets what was settled before `before`. */
  prune(before: Date): Promise<number>;
}

const columns = `id::text, consumer, message_id AS "messageId", event, payload, code, reason, deliveries, trace,
  created_at AS "createdAt"`;
const NOW = "timezone('UTC', now())";

export function createDeadLetters(database: Database, schema: DeadLetterSchema): DeadLetters {
  const settle = (id: string, settlement: "replayed" | "discarded", work: LetterWork): Promise<void> =>
    database.$transaction(async (tx) => {
      const [letter] = await tx.$queryRawUnsafe<DeadLetterRow[]>(
        `SELECT ${columns} FROM ${schema}.dead_letter WHERE id = $1::uuid AND settled_at IS NULL FOR UPDATE`,
        id,
      );
      if (letter === undefined) throw new CodedError("DEAD_LETTER_UNKNOWN", "absent", "there is no such dead letter");
      await work(letter, tx);
      await tx.$executeRawUnsafe(
        `UPDATE ${schema}.dead_letter SET settled_at = ${NOW}, settlement = $2 WHERE id = $1::uuid`,
        id,
        settlement,
      );
    });

  return {
    async keep(letter) {
      await database.$executeRawUnsafe(
        `INSERT INTO ${schema}.dead_letter (id, consumer, message_id, event, payload, code, reason, deliveries, trace, created_at)
         VALUES ($1::uuid, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, ${NOW})
         ON CONFLICT (consumer, message_id) DO UPDATE SET code = EXCLUDED.code, reason = EXCLUDED.reason,
           deliveries = EXCLUDED.deliveries, settled_at = NULL, settlement = NULL`,
        randomUUID(),
        letter.consumer,
        letter.messageId,
        letter.event,
        JSON.stringify(letter.payload),
        letter.code,
        letter.reason,
        letter.deliveries,
        letter.trace,
      );
    },
    list: ({ count, after }) =>
      database.$queryRawUnsafe<DeadLetterRow[]>(
        `SELECT ${columns} FROM ${schema}.dead_letter WHERE settled_at IS NULL AND ($1::uuid IS NULL OR (created_at, id) >
           (SELECT created_at, id FROM ${schema}.dead_letter WHERE id = $1::uuid))
         ORDER BY created_at, id LIMIT $2`,
        after ?? null,
        count,
      ),
    async count() {
      const [row] = await database.$queryRawUnsafe<{ count: number }[]>(
        `SELECT count(*)::int AS count FROM ${schema}.dead_letter WHERE settled_at IS NULL`,
      );
      return row?.count ?? 0;
    },
    replay: (id, effect, note) =>
      settle(id, "replayed", async (letter, tx) => {
        const fresh = await tx.$executeRawUnsafe(
          `INSERT INTO ${schema}.inbox (consumer, message_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
          letter.consumer,
          letter.messageId,
        );
        if (fresh > 0) await effect(letter, tx);
        await note(letter, tx);
      }),
    discard: (id, note) => settle(id, "discarded", note),
    prune: (before) =>
      database.$executeRawUnsafe(`DELETE FROM ${schema}.dead_letter WHERE settled_at < $1::timestamptz`, before),
  };
}
