import {
  type ClientRequest,
  get,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as startRequest,
} from "node:http";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** False where the connection broke before the announced end. */
  readonly isWhole: boolean;
}

export function ask(url: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked: ClientRequest = startRequest(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      const end = (isWhole: boolean) =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks), isWhole });
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => end(response.complete));
      response.on("error", () => end(false));
    });
    asked.on("error", reject);
    asked.end();
  });
}

/** A client that reads headers and then nothing: `finish` reads the rest. */
export function askSlowly(url: string): Promise<{ finish(): Promise<Buffer>; leave(): void }> {
  return new Promise((resolve, reject) => {
    const asked = get(url, { agent: false }, (response: IncomingMessage) => {
      response.pause();
      resolve({
        leave: () => asked.destroy(),
        finish: async () => {
          const chunks: Buffer[] = [];
          for await (const chunk of response) chunks.push(chunk as Buffer);
          return Buffer.concat(chunks);
        },
      });
    });
    asked.on("error", reject);
  });
}
