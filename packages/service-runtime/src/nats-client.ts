import { createRequester, observeRequester, type Requester } from "@granary/messaging";
import type { Register } from "@granary/telemetry";
import { ClientProxyFactory, Transport } from "@nestjs/microservices";
import type { Part } from "./service.js";

/** Asks other services over NATS, by Nest's client. */
export async function connectRequester(options: {
  natsUrl: string;
  register: Register;
}): Promise<{ request: Requester; part: Part }> {
  const client = ClientProxyFactory.create({
    transport: Transport.NATS,
    options: { servers: options.natsUrl.split(","), maxReconnectAttempts: -1, reconnectTimeWait: 250 },
  });
  await client.connect();
  return {
    request: observeRequester(options.register, createRequester(client)),
    part: { name: "nats requester", stop: async () => client.close() },
  };
}
