import { asCodedError, CodedError } from "@granary/primitives";
import { pino } from "pino";
import { redacted } from "./redact.js";
import { traceFields } from "./trace.js";

export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Structured logging: one line of JSON each, with the service's name, the trace, and what the work is about. Secrets are
 * not passed in; what has the name of one, or is the password in a URL, is blanked nevertheless.
 */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** An error, at the level of its category. */
  thrown(message: string, error: unknown, fields?: LogFields): void;
  with(fields: LogFields): Log;
}

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export function createLog(options: {
  service: string;
  level: LogLevel;
  /** Standard output, where not said otherwise. */
  destination?: { write(line: string): void };
}): Log {
  const settings: pino.LoggerOptions = {
    base: { service: options.service },
    level: options.level,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), log: redacted },
    mixin: traceFields,
  };
  return wrap(options.destination === undefined ? pino(settings) : pino(settings, options.destination));
}

export const silentLog: Log = createLog({ service: "none", level: "silent" });

const levelOf: Record<CodedError["category"], "debug" | "info" | "warn" | "error"> = {
  invalid: "debug",
  denied: "info",
  absent: "debug",
  conflict: "info",
  exhausted: "warn",
  unavailable: "warn",
  timeout: "warn",
  corrupt: "error",
  bug: "error",
};

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    thrown(message, error, fields = {}) {
      const coded = asCodedError(error);
      const level = levelOf[coded.category];
      const details = {
        ...fields,
        code: coded.code,
        category: coded.category,
        reason: coded.message,
        ...coded.details,
      };
      logger[level](level === "error" ? { ...details, stack: stackOf(coded) } : details, message);
    },
    with: (fields) => wrap(logger.child(redacted(fields))),
  };
}

const stackOf = (error: CodedError): string | undefined =>
  error.cause instanceof Error ? error.cause.stack : error.stack;
