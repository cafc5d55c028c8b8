import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CodedError } from "@granary/primitives";
import { WebSocketServer } from "ws";
import { Connection } from "./connection.js";
import type { Dispatcher } from "./dispatcher.js";
import { RpcError } from "./error.js";
import type { Caller } from "./method.js";

/** The largest transaction in hexadecimal, with room for the request around it. */
const requestBytesMax = 16 * 1024 * 1024;

export interface ServerConfig {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

/** JSON-RPC over WebSocket and HTTP, and `GET /health`, on one port. */
export class RpcServer {
  private readonly http: Server;
  private readonly sockets: WebSocketServer;
  private readonly connections = new Set<Connection>();

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly health: () => Readonly<Record<string, unknown>>,
    private readonly config: ServerConfig,
  ) {
    this.http = createServer((request, response) => void this.serve(request, response));
    this.sockets = new WebSocketServer({ server: this.http, maxPayload: requestBytesMax });
    this.sockets.on("connection", (socket) => {
      const connection = new Connection(socket, dispatcher);
      this.connections.add(connection);
      socket.on("close", () => this.connections.delete(connection));
    });
  }

  /** @returns the port that is listened on */
  async listen(): Promise<number> {
    const { host, port } = this.config;
    await new Promise<void>((resolve, reject) => {
      // The WebSocket server repeats the HTTP server's errors as its own.
      this.sockets.on("error", () => undefined);
      this.http.once("error", (cause) =>
        reject(new CodedError("PORT_UNAVAILABLE", "unavailable", `cannot listen on ${host}:${port}`, {}, { cause })),
      );
      this.http.listen(port, host, resolve);
    });
    return (this.http.address() as AddressInfo).port;
  }

  /** @returns how many subscriptions are silent now */
  silenceSubscriptions(): number {
    return [...this.connections].reduce((sum, connection) => sum + connection.silence(), 0);
  }

  async close(): Promise<void> {
    for (const client of this.sockets.clients) client.close(1001);
    const closed = new Promise<void>((resolve) => this.http.close(() => resolve()));
    this.sockets.close();
    this.http.closeIdleConnections();
    const late = setTimeout(() => {
      for (const client of this.sockets.clients) client.terminate();
      this.http.closeAllConnections();
    }, closeGraceMs);
    await closed;
    clearTimeout(late);
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "GET" && request.url === "/health")
      return reply(response, 200, JSON.stringify(this.health()));
    if (request.method !== "POST") return reply(response, 405, JSON.stringify({ error: "POST JSON-RPC requests" }));
    const body = await bodyOf(request);
    if (body === undefined) return reply(response, 413, JSON.stringify({ error: "request too large" }));
    const answer = this.dispatcher.answer(body, httpCaller);
    reply(response, 200, answer ?? "");
  }
}

/** What clients have to notice the end before their connections are cut. */
const closeGraceMs = 500;

const httpCaller: Caller = {
  subscribe: () => {
    throw new RpcError(-32601, "Subscriptions are not available on this transport");
  },
  unsubscribe: () => false,
};

function reply(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "application/json" }).end(body);
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > requestBytesMax) return undefined;
      parts.push(part);
    }
  } catch {
    return "";
  }
  return Buffer.concat(parts).toString("utf8");
}
