import type { Responder } from "@granary/messaging";
import type { NatsConnection, Subscription } from "@nats-io/transport-node";
import { type NatsOptions, ServerNats } from "@nestjs/microservices";

type Options = Required<NatsOptions>["options"];

/** Counts the answers that are being worked out. */
export interface InFlight {
  track(responders: readonly Responder[]): Responder[];
  /** Resolves when nothing is under way, or the time is over. */
  settled(withinMs: number): Promise<void>;
}

export function createInFlight(): InFlight {
  const running = new Set<Promise<unknown>>();
  return {
    track: (responders) =>
      responders.map((responder) => ({
        ...responder,
        answer(payload, trace) {
          const answer = responder.answer(payload, trace);
          running.add(answer);
          return answer.finally(() => running.delete(answer));
        },
      })),
    async settled(withinMs) {
      const done = async () => {
        while (running.size > 0) await Promise.allSettled([...running]);
      };
      await within(withinMs, done());
    },
  };
}

/**
 * Nest's NATS server, which ends in order: no new questions, then the answers that are under way, then the connection.
 * Who has asked and gets no answer would wait for the whole time that a question may take.
 */
export class DrainingNats extends ServerNats {
  private client: NatsConnection | undefined;
  private readonly open: Subscription[] = [];

  constructor(
    options: Options,
    private readonly inFlight: InFlight,
    private readonly graceMs: number,
  ) {
    super(options);
  }

  override bindEvents(client: NatsConnection): void {
    this.client = client;
    const noting: Pick<NatsConnection, "subscribe"> = {
      subscribe: (subject, options) => {
        const subscription = client.subscribe(subject, options);
        this.open.push(subscription);
        return subscription;
      },
    };
    super.bindEvents(noting as NatsConnection);
  }

  override async close(): Promise<void> {
    const { client } = this;
    if (client !== undefined && !client.isClosed()) {
      // Where the server is away, nobody waits for an answer of ours.
      await within(FLUSH_MS, Promise.all(this.open.map((subscription) => subscription.drain())));
      await this.inFlight.settled(this.graceMs);
      // Nest hands a finished answer to the connection a moment later.
      await new Promise((resolve) => setImmediate(resolve));
      await within(FLUSH_MS, client.flush());
    }
    await super.close();
  }
}

const FLUSH_MS = 1_000;

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => undefined), late]);
  clearTimeout(timer);
}
