import { readFileSync } from "node:fs";
import { CodedError, parseBytes, parseDuration } from "@granary/primitives";
import { z } from "zod";

/** A secret that cannot be printed by accident. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  reveal(): string {
    return this.#value;
  }
  toJSON(): string {
    return "***";
  }
  toString(): string {
    return "***";
  }
}

const withUnit = (parse: (text: string) => number) =>
  z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
      return z.NEVER;
    }
  });

/** Kinds of settings. A setting's name is the name of its environment variable. */
export const setting = {
  bytes: (example: string) => withUnit(parseBytes).describe(`size, e.g. ${example}`),
  duration: (example: string) => withUnit(parseDuration).describe(`duration, e.g. ${example}`),
  port: () => z.coerce.number().int().min(0).max(65_535),
  count: () => z.coerce.number().int().positive(),
  url: (...protocols: string[]) =>
    z
      .string()
      .refine(
        (text) => text.split(",").every((one) => URL.canParse(one) && protocols.includes(new URL(one).protocol)),
        {
          message: `a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
        },
      ),
  secret: () =>
    z
      .string()
      .min(1)
      .transform((text) => new Secret(text))
      .meta({ secret: true }),
  flag: () => z.enum(["true", "false"]).transform((text) => text === "true"),
  list: () =>
    z.string().transform((text) =>
      text
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== ""),
    ),
};

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
