import { createHash, randomBytes } from "node:crypto";
import { type Signer, signMessage } from "@granary/chain-client";
import { REQUEST_LIFE_SECONDS, requestMessage } from "@granary/contracts";
import { type Category, CodedError, type ErrorDetails } from "@granary/primitives";

const NONCE_BYTES = 16;

interface Envelope {
  readonly code: number;
  readonly msg: string;
  readonly data: unknown;
  readonly error?: { readonly code: string; readonly category: Category; readonly details: ErrorDetails };
}

export type RequestOptions = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Sign as this account. */
  readonly signer?: Signer;
  readonly signal?: AbortSignal;
};

/** The gateway's HTTP API. Every method throws the gateway's own CodedError, or GATEWAY_UNREACHABLE. */
export interface Gateway {
  readonly url: string;
  /** A response as it is, whatever its status. */
  send(path: string, options?: RequestOptions): Promise<Response>;
  /** The `data` of the envelope of a success. */
  call<T>(path: string, options?: RequestOptions): Promise<T>;
}

/** The headers that prove who asks, good for this one request and for a few minutes. */
export function identityHeaders(
  signer: Signer,
  target: URL,
  options: Pick<RequestOptions, "method" | "headers" | "body">,
  nowMs: number,
): Record<string, string> {
  const { body } = options;
  const isWhole = typeof body === "string" || body instanceof Uint8Array;
  const message = requestMessage({
    method: options.method ?? "GET",
    host: target.host,
    path: `${target.pathname}${target.search}`,
    account: signer.account,
    territory: options.headers?.Territory ?? "",
    bodySha256: isWhole ? createHash("sha256").update(body).digest("hex") : null,
    expiresAt: Math.floor(nowMs / 1000) + REQUEST_LIFE_SECONDS,
    nonce: randomBytes(NONCE_BYTES).toString("base64url"),
  });
  return { Account: signer.account, Message: message, Signature: signMessage(signer, message) };
}

export function createGateway(url: string): Gateway {
  async function send(path: string, options: RequestOptions = {}): Promise<Response> {
    const target = new URL(`${url}${path}`);
    const identity = options.signer === undefined ? {} : identityHeaders(options.signer, target, options, Date.now());
    const init: RequestInit & { duplex?: "half" } = {
      method: options.method ?? "GET",
      headers: { ...identity, ...options.headers },
      // The 308 between the parts of an upload is an answer, not a redirection.
      redirect: "manual",
    };
    if (options.signal !== undefined) init.signal = options.signal;
    if (options.body !== undefined) {
      init.body = options.body as NonNullable<RequestInit["body"]>;
      init.duplex = "half";
    }
    try {
      return await fetch(target, init);
    } catch (cause) {
      throw new CodedError(
        "GATEWAY_UNREACHABLE",
        "unavailable",
        `the gateway at ${url} does not answer`,
        { url },
        { cause },
      );
    }
  }

  async function call<T>(path: string, options?: RequestOptions): Promise<T> {
    const response = await send(path, options);
    const envelope = await readEnvelope(response);
    if (!response.ok) throw errorOf(response, envelope);
    return envelope.data as T;
  }

  return { url, send, call };
}

export async function readEnvelope(response: Response): Promise<Envelope> {
  const text = await response.text();
  try {
    return JSON.parse(text) as Envelope;
  } catch {
    return { code: response.status, msg: text.slice(0, 200), data: null };
  }
}

export function errorOf(response: Response, envelope: Envelope): CodedError {
  const { error } = envelope;
  // What stands before a gateway may answer for it, in words of its own.
  if (typeof error?.code === "string" && typeof error.category === "string") {
    return new CodedError(error.code, error.category, envelope.msg, error.details);
  }
  const category: Category = response.status >= 500 ? "unavailable" : "invalid";
  return new CodedError(`HTTP_${response.status}`, category, envelope.msg || response.statusText);
}
