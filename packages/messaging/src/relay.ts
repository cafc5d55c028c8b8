import type { Log, Register } from "@granary/telemetry";
import { type JetStreamClient, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Outbox, OutboxRow } from "./mailbox.js";
import { createRelayMetrics } from "./metrics.js";
import { ensureStream } from "./stream.js";
import { traceHeaders } from "./trace-headers.js";

export interface Relay {
  /** Publishes what waits. @returns "busy" when there may be more */
  step(): Promise<"busy" | "idle">;
}

const BATCH = 100;
const PUBLISH_TIMEOUT_MS = 5_000;

/**
 * Publishes outbox rows to JetStream. The row's id is the message id, so that a row published twice (crash between
 * publishing and marking) is one message to the stream.
 */
export function createRelay(options: {
  connection: NatsConnection;
  outbox: Outbox;
  log: Log;
  register: Register;
}): Relay {
  const metrics = createRelayMetrics(options.register, () => options.outbox.lagSeconds());
  const client: JetStreamClient = jetstream(options.connection);
  let isStreamReady = false;

  async function publish(rows: readonly OutboxRow[]): Promise<void> {
    if (!isStreamReady) {
      await ensureStream(await jetstreamManager(options.connection));
      isStreamReady = true;
    }
    try {
      await Promise.all(
        rows.map((row) =>
          client.publish(row.subject, JSON.stringify(row.payload), {
            msgID: row.id,
            timeout: PUBLISH_TIMEOUT_MS,
            headers: traceHeaders(row.trace ?? undefined),
          }),
        ),
      );
      for (const { subject } of rows) metrics.published(subject);
    } catch (error) {
      // The stream may have been wiped: look again before the next attempt.
      isStreamReady = false;
      throw error;
    }
  }

  return {
    async step() {
      const count = await options.outbox.drain(BATCH, publish);
      if (count > 0) options.log.debug("published facts", { count });
      return count === BATCH ? "busy" : "idle";
    },
  };
}
