import type { Readable } from "node:stream";
import { type Category, CodedError, categories, type ErrorDetails } from "@granary/primitives";
import { Agent, request } from "undici";

export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Not read further than it is asked for; destroying it ends the transfer. */
  readonly body: Readable;
}

/** The retrieval service's internal HTTP. @throws CodedError RETRIEVAL_UNREACHABLE (unavailable), or what it answers */
export interface RetrievalClient {
  get(path: string, options: FetchOptions): Promise<UpstreamAnswer>;
  close(): Promise<void>;
}

export interface FetchOptions {
  readonly method: "GET" | "HEAD";
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

const CONNECTIONS = 128;
/** The first byte of a cold object needs four miners to answer. */
const HEADERS_TIMEOUT_MS = 120_000;
const BODY_TIMEOUT_MS = 120_000;
const ERROR_BODY_MAX = 64 * 1024;

export function createRetrievalClient(baseUrl: string): RetrievalClient {
  const agent = new Agent({
    connections: CONNECTIONS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    bodyTimeout: BODY_TIMEOUT_MS,
  });
  return {
    async get(path, { method, headers, signal }) {
      const answer = await request(new URL(path, baseUrl), { dispatcher: agent, method, headers, signal }).catch(
        (cause: unknown) => {
          throw new CodedError(
            "RETRIEVAL_UNREACHABLE",
            "unavailable",
            "the object cannot be fetched now",
            {},
            { cause },
          );
        },
      );
      const { statusCode: status } = answer;
      if (status >= 400 && status !== 416 && method === "GET") throw await errorOf(status, answer.body);
      if (status >= 400 && status !== 416) throw errorOfStatus(status);
      return { status, headers: flat(answer.headers), body: answer.body };
    },
    close: () => agent.destroy(),
  };
}

async function errorOf(status: number, body: Readable): Promise<CodedError> {
  let text = "";
  for await (const chunk of body) if (text.length < ERROR_BODY_MAX) text += String(chunk);
  try {
    const { msg, error } = JSON.parse(text) as {
      msg?: string;
      error?: { code: string; category: Category; details?: ErrorDetails };
    };
    if (error !== undefined && typeof error.code === "string" && categories.includes(error.category)) {
      return new CodedError(error.code, error.category, msg ?? error.code, error.details ?? {});
    }
  } catch {
    // Not an envelope: the status alone has to do.
  }
  return errorOfStatus(status);
}

function errorOfStatus(status: number): CodedError {
  if (status === 404) return new CodedError("FID_UNKNOWN", "absent", "no file has this FID");
  if (status < 500) return new CodedError("DOWNLOAD_REFUSED", "invalid", "the download was refused", { status });
  return new CodedError("RETRIEVAL_FAILED", "unavailable", "the object cannot be fetched now", { status });
}

const flat = (headers: Record<string, string | string[] | undefined>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value as string)]),
  );
