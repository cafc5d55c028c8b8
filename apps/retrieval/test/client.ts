import { createHash } from "node:crypto";
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

export interface Received {
  readonly bytes: Buffer;
  /** False where the connection broke before the announced end. */
  readonly isWhole: boolean;
}

/** Reads no faster than so many bytes a second, and calls back as bytes come. */
export function askAtRate(
  url: string,
  bytesPerSecond: number,
  options: { headers?: Record<string, string>; came?: (totalBytes: number) => void } = {},
): Promise<Received> {
  const { headers = {}, came = () => {} } = options;
  return new Promise((resolve, reject) => {
    const asked = get(url, { agent: false, headers }, (response) => {
      const startedAt = performance.now();
      const chunks: Buffer[] = [];
      let total = 0;
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        total += chunk.length;
        came(total);
        const earlyMs = (total / bytesPerSecond) * 1000 - (performance.now() - startedAt);
        if (earlyMs <= 0) return;
        response.pause();
        setTimeout(() => response.resume(), earlyMs);
      });
      response.on("end", () => resolve({ bytes: Buffer.concat(chunks), isWhole: response.complete }));
      response.on("error", () => resolve({ bytes: Buffer.concat(chunks), isWhole: false }));
    });
    asked.on("error", reject);
  });
}

/** The digest of what comes, which is kept nowhere. */
export function digestOfAnswer(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = get(url, { agent: false }, (response) => {
      const hash = createHash("sha256");
      response.on("data", (chunk: Buffer) => hash.update(chunk));
      response.on("end", () => resolve(response.complete ? hash.digest("hex") : "broken off"));
      response.on("error", () => resolve("broken off"));
    });
    asked.on("error", reject);
  });
}
