import type { OperatorAction } from "@granary/contracts";
import type { AuditLog, AuditRow, Database } from "@granary/database";
import type { OperatorLog } from "../ports.js";

const PREFIX = "operator:";

const actionOf = ({ id, at, actor, action, subject, details }: AuditRow): OperatorAction => ({
  id,
  at: at.toISOString(),
  actor: actor.slice(PREFIX.length),
  action,
  subject,
  reason: typeof details.reason === "string" ? details.reason : null,
});

/** The deeds of operators, in the audit record of all services. */
export function createAuditedOperators(database: Database, audit: AuditLog): OperatorLog {
  return {
    act: ({ actor, action, subject, reason }, work) =>
      database.$transaction(async (tx) => {
        const result = await work(tx);
        await audit.record(tx, { actor: `${PREFIX}${actor}`, action, subject, details: { reason } });
        return result;
      }),
    about: async (subject, count) => {
      const rows = await audit.list({ subject, count });
      return rows.filter(({ actor }) => actor.startsWith(PREFIX)).map(actionOf);
    },
    async list(before, count) {
      const where = { actor: { startsWith: PREFIX }, ...(before === null ? {} : { id: { lt: BigInt(before) } }) };
      const rows = await database.auditRecord.findMany({ where, orderBy: { id: "desc" }, take: count });
      return rows.map((row) => actionOf({ ...row, id: row.id.toString() } as AuditRow));
    },
  };
}
