import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { asCodedError, CodedError, KiB } from "@granary/primitives";
import type { Register } from "@granary/telemetry";
import { behaviourSchema } from "../behaviour.js";
import type { MinerHost } from "../host.js";
import type { StorageMiner } from "../miner.js";

export interface ControlApi {
  readonly url: string;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const BODY_BYTES_MAX = 16 * KiB;
const statusOf: Partial<Record<CodedError["category"], number>> = { invalid: 400, denied: 403, absent: 404 };

/** For operators and tests on the same machine or network: who is here, how do they behave; health and metrics. */
export async function openControlApi(
  host: MinerHost,
  register: Register,
  address: { readonly host: string; readonly port: number },
): Promise<ControlApi> {
  const server = createServer((request, response) => {
    answer(host, register, request, response).catch((error: unknown) => {
      const coded = asCodedError(error);
      send(response, { status: statusOf[coded.category] ?? 500, body: coded.toEnvelope() });
    });
  });
  server.listen({ ...address });
  await once(server, "listening");
  return { url: `http://${address.host}:${(server.address() as AddressInfo).port}`, close: () => close(server) };
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}

async function answer(
  host: MinerHost,
  register: Register,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // A page in somebody's browser must not be able to switch miners.
  if (request.headers.origin !== undefined) throw new CodedError("ORIGIN_REFUSED", "denied", "not for browsers");
  const path = request.url?.split("?", 1)[0] ?? "";
  const route = `${request.method} ${path}`;
  if (route === "GET /live") return send(response, { status: 200, body: { live: true } });
  if (route === "GET /ready") {
    return send(response, { status: host.isReady ? 200 : 503, body: { ready: host.isReady } });
  }
  if (route === "GET /metrics") {
    response.setHeader("content-type", register.contentType);
    response.end(await register.render());
    return;
  }
  if (route === "GET /miners") return send(response, { status: 200, body: { miners: host.miners.map(view) } });
  const account = /^PUT \/miners\/([^/]+)\/behaviour$/.exec(route)?.[1];
  if (account === undefined) throw new CodedError("ROUTE_UNKNOWN", "absent", "no such route");
  send(response, { status: 200, body: view(await host.behave(account, await readBehaviour(request))) });
}

async function readBehaviour(request: IncomingMessage) {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request) {
    length += (part as Buffer).length;
    if (length > BODY_BYTES_MAX) throw new CodedError("BEHAVIOUR_INVALID", "invalid", "the body is too long");
    parts.push(part as Buffer);
  }
  try {
    return behaviourSchema.parse(JSON.parse(Buffer.concat(parts).toString("utf8")));
  } catch (error) {
    throw new CodedError("BEHAVIOUR_INVALID", "invalid", `no such behaviour: ${(error as Error).message}`);
  }
}

const view = (miner: StorageMiner) => ({
  account: miner.account,
  endpoint: miner.endpoint,
  behaviour: miner.behaviour,
  counters: miner.counters,
  fids: miner.store.fids.length,
});

function send(response: ServerResponse, { status, body }: Answer): void {
  response.statusCode = status;
  response.setHeader("content-type", "application/json; charset=utf-8");
  response.end(JSON.stringify(body));
}
