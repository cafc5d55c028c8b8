import type { DeadLetterView, EventHandlersFor, Service } from "@granary/contracts";
import type { AuditLog, DeadLetterRow, DeadLetters, Transaction } from "@granary/database";
import { handlerOf } from "@granary/messaging";

export interface DeadLetterDesk {
  list(query: { readonly after: string | null; readonly count: number }): Promise<{ letters: DeadLetterView[] }>;
  /**
   * Has the letter handled after all, once, or gives it up; what was done and its record commit together.
   * @throws CodedError DEAD_LETTER_UNKNOWN (absent), and what the handler throws: then the letter stays as it was
   */
  settle(order: {
    readonly id: string;
    readonly how: "replay" | "discard";
    readonly actor: string;
    readonly reason: string;
  }): Promise<{ event: string }>;
}

/** The dead letters of a service, for its operators. */
export function createDeadLetterDesk<S extends Service>(ports: {
  readonly deadLetters: DeadLetters;
  readonly handlers: EventHandlersFor<S, Transaction>;
  readonly audit: AuditLog;
}): DeadLetterDesk {
  const { deadLetters, handlers, audit } = ports;
  return {
    list: async ({ after, count }) => ({
      letters: (await deadLetters.list({ count, after: after ?? undefined })).map(viewOf),
    }),
    async settle({ id, how, actor, reason }) {
      let event = "";
      const note = async (letter: DeadLetterRow, tx: Transaction) => {
        event = letter.event;
        await audit.record(tx, {
          actor: `operator:${actor}`,
          action: how === "replay" ? "dead-letter.replayed" : "dead-letter.discarded",
          subject: letter.id,
          details: { reason, event, messageId: letter.messageId },
        });
      };
      if (how === "discard") await deadLetters.discard(id, note);
      else await deadLetters.replay(id, (letter, tx) => handlerOf(handlers, letter.event, letter.payload)(tx), note);
      return { event };
    },
  };
}

const viewOf = ({ consumer: _, createdAt, ...letter }: DeadLetterRow): DeadLetterView => ({
  ...letter,
  createdAt: createdAt.toISOString(),
});
