import type { Database, Transaction } from "./client.js";

/** What is worth knowing years later: everything that gives, takes or bends something by somebody's word. */
export type AuditAction =
  | "upload.accepted"
  | "upload.cancelled"
  | "upload.retried"
  | "file.deleted"
  | "deal.resumed"
  | "placement.paused"
  | "placement.resumed"
  | "miner.quarantined"
  | "miner.released"
  | "dead-letter.replayed"
  | "dead-letter.discarded";

export type Actor = `account:${string}` | `operator:${string}` | `service:${string}`;

export interface AuditEntry {
  readonly actor: Actor;
  readonly action: AuditAction;
  /** An upload id, a FID, the account of a miner, a name. */
  readonly subject: string;
  /** Never a key, a signature, or a token. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface AuditRow extends Required<AuditEntry> {
  /** Grows; the same order as `at`, but for transactions side by side. */
  readonly id: string;
  readonly at: Date;
  readonly service: string;
  readonly trace: string | null;
}

/** Who did what: added in the transaction of the deed, and never changed or deleted again, which the table refuses. */
export interface AuditLog {
  record(tx: Transaction, entry: AuditEntry): Promise<void>;
  /** Newest first; `before` is the id at which an earlier listing ended. */
  list(query: {
    readonly count: number;
    readonly before?: string | undefined;
    readonly subject?: string | undefined;
    readonly actor?: string | undefined;
  }): Promise<AuditRow[]>;
}

export function createAuditLog(options: {
  readonly database: Database;
  readonly service: string;
  /** Id of the trace in which this runs, where there is one. */
  readonly traceId?: () => string | undefined;
}): AuditLog {
  const { database, service, traceId = () => undefined } = options;
  return {
    async record(tx, { actor, action, subject, details = {} }) {
      // Without RETURNING: a role that may only insert can do it.
      await tx.$executeRaw`INSERT INTO audit.record (service, actor, action, subject, details, trace)
        VALUES (${service}, ${actor}, ${action}, ${subject}, ${JSON.stringify(details)}::jsonb, ${traceId() ?? null})`;
    },
    async list({ count, before, subject, actor }) {
      const rows = await database.auditRecord.findMany({
        where: {
          ...(before === undefined ? {} : { id: { lt: BigInt(before) } }),
          ...(subject === undefined ? {} : { subject }),
          ...(actor === undefined ? {} : { actor }),
        },
        orderBy: { id: "desc" },
        take: count,
      });
      return rows.map((row) => ({ ...row, id: row.id.toString() }) as AuditRow);
    },
  };
}
