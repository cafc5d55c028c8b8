import { type Category, CodedError, type ErrorDetails } from "@granary/primitives";
import { errors } from "undici";

/** Every way in which talking to a miner can fail. The scheduler's penalties and the reader's next step hang on the code. */
export const minerErrorCategories = {
  /** The endpoint on chain is not an address that can be dialed at all. */
  MINER_ENDPOINT_INVALID: "invalid",
  /** It leads into private address space or to a port where no miner lives: never dialed. */
  MINER_ADDRESS_FORBIDDEN: "denied",
  MINER_UNREACHABLE: "unavailable",
  MINER_TIMEOUT: "timeout",
  MINER_REFUSED: "unavailable",
  /** Its node has not seen our deal yet: the same miner is worth asking again soon. */
  MINER_DEAL_NOT_SEEN: "unavailable",
  MINER_SIGNATURE_REFUSED: "denied",
  MINER_PROTOCOL: "corrupt",
  MINER_CALL_ABORTED: "unavailable",
  MINER_CLIENT_CLOSED: "unavailable",
  FRAGMENT_NOT_HELD: "absent",
  FRAGMENT_SIZE_INVALID: "invalid",
  FRAGMENT_LENGTH_MISMATCH: "corrupt",
  FRAGMENT_DIGEST_MISMATCH: "corrupt",
} as const satisfies Record<string, Category>;

export type MinerErrorCode = keyof typeof minerErrorCategories;

export class MinerError extends CodedError {
  constructor(
    override readonly code: MinerErrorCode,
    message: string,
    details: ErrorDetails = {},
    cause?: unknown,
  ) {
    super(code, minerErrorCategories[code], message, details, cause === undefined ? undefined : { cause });
  }
}

/** What undici or the socket threw, in our words. */
export function asMinerError(thrown: unknown): MinerError {
  if (thrown instanceof MinerError) return thrown;
  const cause = thrown instanceof AggregateError ? (thrown.errors[0] as unknown) : thrown;
  const reason = reasonOf(cause);
  if (reason === "UND_ERR_CONNECT_TIMEOUT" || reason === "ETIMEDOUT") {
    return new MinerError(
      "MINER_TIMEOUT",
      "the miner did not accept a connection in time",
      { phase: "connect" },
      thrown,
    );
  }
  if (cause instanceof errors.HTTPParserError || protocolReasons.has(reason)) {
    return new MinerError("MINER_PROTOCOL", "the miner does not answer in HTTP", { reason }, thrown);
  }
  if (reason === "UND_ERR_CLOSED" || reason === "UND_ERR_DESTROYED") {
    return new MinerError("MINER_CLIENT_CLOSED", "this client was closed", {}, thrown);
  }
  return new MinerError("MINER_UNREACHABLE", "the connection to the miner failed", { reason }, thrown);
}

const protocolReasons = new Set(["UND_ERR_HEADERS_OVERFLOW", "UND_ERR_RES_CONTENT_LENGTH_MISMATCH"]);

/** Errors of a connection that the other side closed while we were about to reuse it. */
export function isStaleConnection(thrown: unknown): boolean {
  return ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"].includes(reasonOf(thrown));
}

function reasonOf(thrown: unknown): string {
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "UNKNOWN";
}
