import { readFileSync } from "node:fs";
import { CodedError } from "@granary/primitives";
import { z } from "zod";
import { setting } from "./setting.js";
import { tracingSettings } from "./tracing.js";

/** Settings that every service has. */
export const commonSettings = {
  DATABASE_URL: setting.url("postgresql:", "postgres:").describe("Postgres, the only truth").meta({ secret: true }),
  DATABASE_POOL: setting.count().default(10).describe("connections of this process to Postgres"),
  NATS_URL: setting.url("nats:", "tls:").describe("NATS with JetStream"),
  HTTP_HOST: z.string().default("127.0.0.1").describe("address to listen on"),
  HTTP_PORT: setting.port().describe("port for health, metrics, and what the service serves over HTTP"),
  LOG_LEVEL: z
    .enum(["debug", "info", "warn", "error", "silent"])
    .default("info")
    .describe("least level of what is written to the log"),
  DRAIN_PAUSE: setting
    .duration("5s")
    .prefault("0s")
    .describe("how long the service, not ready any more, still takes requests: until all who send them have noticed"),
  EXIT_GRACE: setting
    .duration("25s")
    .prefault("25s")
    .describe("longest time from SIGTERM to the end of the process; what is not done by then is left to leases"),
  ...tracingSettings,
};

/** Settings of services that hash and code. */
export const nativeSettings = {
  NATIVE_CODE: setting
    .flag()
    .prefault("true")
    .describe("hash by the native add-on where it was built and passes its test; false never loads it"),
};

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads a service's settings. `X_FILE` names a file that holds the value of `X`.
 * @throws CodedError CONFIG_INVALID (invalid) that lists every problem, not the first
 */
export function readConfig<S extends z.ZodObject>(schema: S, environment: Environment): Readonly<z.infer<S>> {
  const values: Record<string, string> = {};
  const problems: string[] = [];
  for (const name of Object.keys(schema.shape)) {
    const file = environment[`${name}_FILE`];
    const value = environment[name];
    if (value !== undefined && file !== undefined) problems.push(`${name}: both ${name} and ${name}_FILE are set`);
    if (value !== undefined && value !== "") values[name] = value;
    else if (file !== undefined) {
      try {
        values[name] = readFileSync(file, "utf8").trim();
      } catch (error) {
        problems.push(`${name}_FILE: ${(error as Error).message}`);
      }
    }
  }
  const parsed = schema.safeParse(values);
  if (!parsed.success) {
    for (const issue of parsed.error.issues)
      problems.push(`${issue.path.join(".") || "configuration"}: ${issue.message}`);
  }
  if (problems.length > 0 || !parsed.success) {
    throw new CodedError("CONFIG_INVALID", "invalid", `the configuration has problems:\n  ${problems.join("\n  ")}`);
  }
  return Object.freeze(parsed.data) as Readonly<z.infer<S>>;
}
