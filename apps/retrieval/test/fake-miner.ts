import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type AccountId, FRAGMENT_BYTES } from "@granary/primitives";

export type Behaviour = "good" | "wrong" | "truncated" | "short" | "endless" | "stall" | "json" | "gone" | "slow";

/** A storage miner that serves what it holds, or lies in one of the known ways. */
export class FakeMiner {
  behaviour: Behaviour = "good";
  /** Requests for each fragment. */
  readonly asked = new Map<string, number>();
  private readonly server: Server;

  private constructor(
    readonly account: AccountId,
    private readonly held: ReadonlyMap<string, Uint8Array>,
  ) {
    this.server = createServer((request, response) => this.answer(request, response));
  }

  static async start(account: AccountId, held: ReadonlyMap<string, Uint8Array>): Promise<FakeMiner> {
    const miner = new FakeMiner(account, held);
    await new Promise<void>((resolve) => miner.server.listen(0, "127.0.0.1", resolve));
    return miner;
  }

  get endpoint(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const fragment = String(request.headers.fragment);
    this.asked.set(fragment, (this.asked.get(fragment) ?? 0) + 1);
    const bytes = this.held.get(fragment);
    if (request.url !== "/fragment" || bytes === undefined || this.behaviour === "json") {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ code: 404, msg: "not found", data: null }));
      return;
    }
    this.send(bytes, response);
  }

  private send(bytes: Uint8Array, response: ServerResponse): void {
    const length = { "content-length": String(bytes.length) };
    switch (this.behaviour) {
      case "gone":
        response.destroy();
        return;
      case "stall":
        response.writeHead(200, length);
        response.write(bytes.subarray(0, 1000));
        return;
      case "truncated":
        response.writeHead(200, length);
        response.write(bytes.subarray(0, FRAGMENT_BYTES / 2), () => response.destroy());
        return;
      case "short":
        response.writeHead(200);
        response.end(bytes.subarray(0, FRAGMENT_BYTES - 1));
        return;
      case "endless":
        response.writeHead(200);
        this.pour(bytes, response);
        return;
      case "wrong": {
        const altered = Uint8Array.from(bytes);
        altered[12345] = (altered[12345] as number) ^ 1;
        response.writeHead(200, length);
        response.end(altered);
        return;
      }
      default:
        setTimeout(
          () => {
            response.writeHead(200, length);
            response.end(bytes);
          },
          this.behaviour === "slow" ? 100 : 0,
        );
    }
  }

  private pour(bytes: Uint8Array, response: ServerResponse): void {
    response.write(bytes, (error) => {
      if (!error && !response.destroyed) this.pour(bytes, response);
    });
  }
}
