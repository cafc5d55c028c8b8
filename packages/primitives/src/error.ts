/**
 * What kind of trouble an error is. Every transport maps a category to its own words (HTTP status, NATS ack,
 * job retry, log level) in one table; adding a category breaks the build until each table has it.
 */
export const categories = [
  "invalid",
  "denied",
  "absent",
  "conflict",
  "exhausted",
  "unavailable",
  "timeout",
  "corrupt",
  "bug",
] as const;
export type Category = (typeof categories)[number];

export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

/** An error as it travels between services. Nobody matches on `message`. */
export interface ErrorEnvelope {
  readonly code: string;
  readonly category: Category;
  readonly message: string;
  readonly details: ErrorDetails;
}

/** Every error that Granary throws on purpose. `code` is finite and safe as a metric label; `message` is for people. */
export class CodedError extends Error {
  override readonly name = "CodedError";

  constructor(
    readonly code: string,
    readonly category: Category,
    message: string,
    readonly details: ErrorDetails = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }

  toEnvelope(): ErrorEnvelope {
    return { code: this.code, category: this.category, message: this.message, details: this.details };
  }

  static fromEnvelope(envelope: ErrorEnvelope): CodedError {
    return new CodedError(envelope.code, envelope.category, envelope.message, envelope.details);
  }
}

/** Anything thrown, as a CodedError: what is not one already is a bug of ours, with the original as its cause. */
export function asCodedError(thrown: unknown): CodedError {
  if (thrown instanceof CodedError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new CodedError("UNEXPECTED", "bug", message, {}, { cause: thrown });
}

/** True where trying again later can help. */
export function isRetryable(error: CodedError): boolean {
  return error.category === "exhausted" || error.category === "unavailable" || error.category === "timeout";
}
