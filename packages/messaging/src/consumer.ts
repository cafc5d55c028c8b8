import { type EventHandlersFor, type EventName, events, eventsFor, type Service } from "@granary/contracts";
import { asCodedError, type Category, CodedError } from "@granary/primitives";
import { aboutOf, beginEntry, type Log, type Register } from "@granary/telemetry";
import { AckPolicy, type ConsumerMessages, type JsMsg, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { DeadLetter, DeadLetterBox, Inbox } from "./mailbox.js";
import { type ConsumeOutcome, createConsumerMetrics } from "./metrics.js";
import { ensureStream, STREAM } from "./stream.js";
import { traceOf } from "./trace-headers.js";

/** What becomes of a message whose handler threw. A message that cannot ever work is not delivered again. */
const afterError: Record<Category, "drop" | "again"> = {
  invalid: "drop",
  denied: "drop",
  absent: "drop",
  conflict: "drop",
  exhausted: "again",
  unavailable: "again",
  timeout: "again",
  corrupt: "drop",
  bug: "again",
};
const REDELIVERY_DELAY_MS = 2_000;
/** A handler that fails this often has met a poison message: it becomes a dead letter, and the sweeps do without it. */
const DELIVERIES_MAX = 20;
const RECONSUME_DELAY_MS = 500;

export interface Consumer {
  close(): Promise<void>;
}

/**
 * Consumes every event that names `service`, each with a durable consumer of its own. The effect of a message and the
 * memory of it commit together. Stream and consumers are created when absent, also after NATS was wiped.
 */
export function consumeEvents<S extends Service, Tx>(options: {
  connection: NatsConnection;
  service: S;
  inbox: Inbox<Tx>;
  handlers: EventHandlersFor<S, Tx>;
  deadLetters: DeadLetterBox;
  log: Log;
  register: Register;
  observe?: (event: EventName, outcome: ConsumeOutcome) => void;
}): Consumer {
  const stopping = new AbortController();
  const running = new Set<ConsumerMessages>();
  const metrics = createConsumerMetrics(options.register, options.service, {
    pending: (event) => pendingOf(options.connection, options.service, event),
    deadLetters: () => options.deadLetters.count(),
  });
  const loops = eventsFor(options.service).map((name) => consumeOne(name));

  async function consumeOne(name: EventName): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const messages = await openMessages(options.connection, options.service, name);
        running.add(messages);
        if (stopping.signal.aborted) messages.stop();
        for await (const message of messages) await handleOne(name, message);
        running.delete(messages);
      } catch (error) {
        if (stopping.signal.aborted) return;
        options.log.debug("consuming is interrupted", { event: name, reason: asCodedError(error).message });
      }
      await pause(RECONSUME_DELAY_MS, stopping.signal);
    }
  }

  async function handleOne(name: EventName, message: JsMsg): Promise<void> {
    const payload = jsonOf(message);
    const attributes = { "messaging.system": "nats", "messaging.destination.name": message.subject };
    const about = { from: traceOf(message.headers), about: aboutOf(payload) };
    const entry = beginEntry(`hear ${name}`, { kind: "consumer", ...about, attributes });
    const error = await entry.run(() => settle(name, message, payload));
    entry.end({ error, attributes: { "messaging.nats.deliveries": message.info.deliveryCount } });
  }

  /** @returns what was thrown, after the message was answered for */
  async function settle(name: EventName, message: JsMsg, payload: unknown): Promise<CodedError | undefined> {
    const consumer = durableName(options.service, name);
    const messageId = idOf(message);
    const startedAt = performance.now();
    const ended = (outcome: ConsumeOutcome) => {
      metrics.handled(name, outcome, (performance.now() - startedAt) / 1000);
      options.observe?.(name, outcome);
    };
    try {
      const handle = handlerOf(options.handlers, name, payload);
      const ran = await options.inbox.once(consumer, messageId, handle);
      message.ack();
      ended(ran ? "handled" : "duplicate");
      return undefined;
    } catch (thrown) {
      const error = asCodedError(thrown);
      const deliveries = message.info.deliveryCount;
      const isDead = afterError[error.category] === "drop" || deliveries >= DELIVERIES_MAX;
      options.log.thrown(isDead ? "an event is dropped" : "an event will be tried again", error, {
        event: name,
        messageId,
      });
      const letter = { consumer, messageId, event: name, payload, deliveries, trace: traceOf(message.headers) ?? null };
      const isKept = isDead && (await keep({ ...letter, code: error.code, reason: error.message }));
      if (isKept) message.term(error.code);
      else message.nak(REDELIVERY_DELAY_MS);
      ended(isKept ? "dropped" : "redelivered");
      return error;
    }
  }

  /** A message is given up only when it is written down, so that an operator can have it handled after all. */
  async function keep(letter: DeadLetter): Promise<boolean> {
    try {
      await options.deadLetters.keep(letter);
      return true;
    } catch (error) {
      options.log.thrown("a dead letter was not written down", error, { event: letter.event });
      return false;
    }
  }

  return {
    async close() {
      stopping.abort();
      for (const messages of running) messages.stop();
      await Promise.all(loops);
    },
  };
}

/**
 * What is to be done about a message, ready for its transaction.
 * @throws CodedError EVENT_INVALID (invalid), HANDLER_MISSING (bug)
 */
export function handlerOf<S extends Service, Tx>(
  handlers: EventHandlersFor<S, Tx>,
  name: string,
  payload: unknown,
): (tx: Tx) => Promise<void> {
  const handler = (handlers as Record<string, (message: unknown, tx: Tx) => Promise<void>>)[name];
  if (handler === undefined) throw new CodedError("HANDLER_MISSING", "bug", `no handler for ${name}`);
  const parsed = events[name as EventName].schema.safeParse(payload);
  if (!parsed.success) throw new CodedError("EVENT_INVALID", "invalid", parsed.error.message);
  return (tx) => handler(parsed.data, tx);
}

/** What is not JSON is kept as text, for people to see. */
function jsonOf(message: JsMsg): unknown {
  try {
    return message.json();
  } catch {
    return message.string();
  }
}

/**
 * The publisher's id, or the message's place in the stream. The time belongs to the place: a stream that was made anew,
 * after NATS lost all it had, counts from one again.
 */
function idOf({ headers, info, seq }: JsMsg): string {
  return headers?.get("Nats-Msg-Id") || `${info.stream}-${seq}-${info.timestampNanos}`;
}

const durableName = (service: Service, name: EventName): string =>
  `${service}--${events[name].subject.split(".").slice(1).join("-")}`;

/** In the stream and not delivered, or delivered and not answered for. */
async function pendingOf(connection: NatsConnection, service: Service, name: EventName): Promise<number> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const info = await manager.consumers.info(STREAM, durableName(service, name));
  return info.num_pending + info.num_ack_pending;
}

async function openMessages(connection: NatsConnection, service: Service, name: EventName): Promise<ConsumerMessages> {
  const manager = await jetstreamManager(connection);
  await ensureStream(manager);
  const durable = durableName(service, name);
  await manager.consumers.add(STREAM, {
    durable_name: durable,
    filter_subject: events[name].subject,
    ack_policy: AckPolicy.Explicit,
    ack_wait: 60 * 1e9,
    max_ack_pending: 64,
  });
  const consumer = await jetstream(connection).consumers.get(STREAM, durable);
  // A consumer that was wiped with its server is reported by missed heartbeats; the loop then opens it anew.
  return consumer.consume({ max_messages: 32, abort_on_missing_resource: true, idle_heartbeat: 1_000, expires: 5_000 });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
