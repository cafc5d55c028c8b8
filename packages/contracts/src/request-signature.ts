import { CodedError } from "@granary/primitives";

/**
 * The text that an account signs to be good for one request only. DeOSS checks a signature over any text, so a gateway
 * that does not know this form takes it like any other message.
 */
export interface RequestToSign {
  /** Of HTTP, in capitals. */
  readonly method: string;
  /** Host and, where it is not the scheme's own, port, as the client reaches the gateway: `gateway.example:8080`. */
  readonly host: string;
  /** Path and query exactly as they are sent. */
  readonly path: string;
  readonly account: string;
  /** The `Territory` header; empty without one. */
  readonly territory: string;
  /** SHA-256 of the body as it is sent, 64 lowercase hexadecimal characters; null where it is not known beforehand. */
  readonly bodySha256: string | null;
  /** Seconds since the epoch. A gateway takes at most `REQUEST_LIFE_SECONDS` from now. */
  readonly expiresAt: number;
  /** 16 to 64 characters of A–Z, a–z, 0–9, `-` and `_`, never used before by this account. */
  readonly nonce: string;
}

export const REQUEST_LIFE_SECONDS = 300;
const PREFIX = "granary-request-1:";
const BODY_UNKNOWN = "unsigned";
const forms: Readonly<Record<string, RegExp>> = {
  method: /^[A-Z]{1,16}$/,
  host: /^[^\s/]{1,255}$/,
  path: /^\//,
  account: /^\w{1,64}$/,
  territory: /^/,
  body: /^(?:[0-9a-f]{64}|unsigned)$/,
  expires: /^\d{10,12}$/,
  nonce: /^[\w-]{16,64}$/,
};

/** ASCII text for the `Message` header: `granary-request-1:` and the fields as a URL's query has them. */
export function requestMessage(request: RequestToSign): string {
  const fields = new URLSearchParams({
    method: request.method,
    host: request.host,
    path: request.path,
    account: request.account,
    territory: request.territory,
    body: request.bodySha256 ?? BODY_UNKNOWN,
    expires: String(request.expiresAt),
    nonce: request.nonce,
  });
  return `${PREFIX}${fields}`;
}

/** Null where the message is of another kind. @throws CodedError SIGNATURE_MESSAGE_INVALID (invalid) */
export function parseRequestMessage(message: string): RequestToSign | null {
  if (!message.startsWith(PREFIX)) return null;
  const fields = new URLSearchParams(message.slice(PREFIX.length));
  const read = (name: string): string => {
    const values = fields.getAll(name);
    const [value] = values;
    if (value === undefined || values.length > 1 || !(forms[name] as RegExp).test(value)) {
      throw new CodedError("SIGNATURE_MESSAGE_INVALID", "invalid", `the signed message has no proper field "${name}"`, {
        field: name,
      });
    }
    return value;
  };
  const body = read("body");
  return {
    method: read("method"),
    host: read("host"),
    path: read("path"),
    account: read("account"),
    territory: read("territory"),
    bodySha256: body === BODY_UNKNOWN ? null : body,
    expiresAt: Number(read("expires")),
    nonce: read("nonce"),
  };
}
