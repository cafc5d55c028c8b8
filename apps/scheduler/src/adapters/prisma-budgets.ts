import type { Database } from "@granary/database";
import type { Budgets, Clock } from "../ports.js";

/** Buckets as rows: whoever draws holds the row for that moment, so that all replicas together keep to one budget. */
export function createPrismaBudgets(database: Database, clock: Clock): Budgets {
  return {
    async earn(name, tokens, capacity) {
      await database.$executeRaw`
        INSERT INTO scheduling.budget (name, tokens, at) VALUES (${name}, ${capacity}, ${new Date(clock())})
        ON CONFLICT (name) DO UPDATE SET tokens = LEAST(${capacity}, budget.tokens + ${tokens})`;
    },
    draw: (name, capacity, decide) =>
      database.$transaction(async (tx) => {
        const now = clock();
        await tx.$executeRaw`
          INSERT INTO scheduling.budget (name, tokens, at) VALUES (${name}, ${capacity}, ${new Date(now)})
          ON CONFLICT (name) DO NOTHING`;
        const [row] = await tx.$queryRaw<{ tokens: number; at: Date }[]>`
          SELECT tokens, at FROM scheduling.budget WHERE name = ${name} FOR UPDATE`;
        const { tokens, at, result } = decide({ tokens: row?.tokens ?? capacity, at: row?.at.getTime() ?? now });
        await tx.budget.update({ where: { name }, data: { tokens, at: new Date(at) } });
        return result;
      }),
  };
}
