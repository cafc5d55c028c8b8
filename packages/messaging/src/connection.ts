import { connect, type NatsConnection } from "@nats-io/transport-node";

/** A connection that comes back by itself for as long as the service lives. */
export function connectNats(options: { url: string; name: string }): Promise<NatsConnection> {
  return connect({
    servers: options.url.split(","),
    name: options.name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    waitOnFirstConnect: true,
  });
}
